import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { formatNumber } from '../output/index.js';
import type { Session } from '../session.js';
import { followRun, type Followed } from './follow.js';

/**
 * Follows what earlier runs of the same sync still have on their way, after a run that has come to its end: nobody else
 * would send it once this process's worker stops, or it waited for just this run to try again.
 * @param timeoutMs milliseconds for all of them together; undefined: to their end
 * @returns why it was left before it was through; undefined: nothing of them waits any more
 */
export async function followEarlier(context: Context, session: Session, run: string, timeoutMs: number | undefined): Promise<Pick<Followed, 'exit' | 'left'> | undefined> {
  const { earlierOpenRuns } = await import('../../ledger/index.js');
  const began = performance.now();
  for (const earlier of await earlierOpenRuns(session.pool, run)) {
    context.output.progress(`rows of the earlier run ${earlier.run} are still on their way: following it, too`);
    const leftMs = timeoutMs === undefined ? undefined : Math.max(0, timeoutMs - (performance.now() - began));
    const { document, exit, left } = await followRun(context, session, { ...earlier, attached: false, timeoutMs: leftMs, toEnd: true });
    if (left !== undefined) return { exit, left };
    if (exit === EXIT.rejects) context.output.warn(`the earlier run ${earlier.run} ended with ${formatNumber(document.counts.rejected + document.counts.invalid)} rejected: syncline failures ${document.sync}`);
  }
  return undefined;
}
