import type { Context } from '../context.js';
import { formatNumber } from '../output/index.js';
import type { Session } from '../session.js';
import { followRun, type Followed, type FollowOptions } from './follow.js';
import { isConnectionTrouble } from './trouble.js';

/**
 * Follows what earlier runs of the same sync still have on their way, after a run that has come to its end: nobody else
 * would send it once this process's worker stops, or it waited for just this run to try again.
 * @param options the new run, its time-out and when its following began: both bound all of them together
 * @returns why it was left before it was through; undefined: nothing of them waits any more
 */
export async function followEarlier(
  context: Context,
  session: Session,
  { run, timeoutMs, began }: Pick<FollowOptions, 'run' | 'timeoutMs' | 'began'>,
): Promise<Pick<Followed, 'exit' | 'left'> | undefined> {
  const { output } = context;
  for (const earlier of await unsettledOf(session, run)) {
    output.progress(`rows of the earlier run ${earlier.run} are still on their way: following it, too`);
    const { document, exit, left } = await followRun(context, session, { ...earlier, attached: false, timeoutMs, began, untilSettled: true });
    if (left !== undefined) return { exit, left };
    if (document.counts.rejected > 0) output.warn(`the earlier run ${earlier.run} has ${formatNumber(document.counts.rejected)} rejected rows: syncline failures ${document.sync}`);
  }
  return undefined;
}

/** A ledger that goes away just now must not cost the document of the run that has ended. */
async function unsettledOf({ pool }: Session, run: string): Promise<readonly Pick<FollowOptions, 'run' | 'workflowId'>[]> {
  const { unsettledBefore } = await import('../../ledger/index.js');
  try {
    return await unsettledBefore(pool, run);
  } catch (error) {
    if (isConnectionTrouble(error)) return [];
    throw error;
  }
}
