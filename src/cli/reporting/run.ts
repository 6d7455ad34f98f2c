import type { Config } from '../../config/index.js';
import type { Pool, RunDocument, RunRow } from '../../ledger/index.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { writeBeside } from '../files/index.js';
import { isConnectionTrouble } from '../following/index.js';
import type { LedgerSession } from '../session.js';
import { version } from '../version.js';

export const REPORT_WORDS = 'write a page about it: HTML that stands by itself, readable when printed';

/** Calls, and waits, that are drawn; of more the newest. */
const MOST = 50_000;

/**
 * Writes a run's page, where one was asked for.
 * @param exit how the command ends so far
 * @returns how it ends: a page that could not be written leaves nothing well
 */
export async function reportRun(context: Context, { pool, config }: LedgerSession, run: RunDocument, file: string | undefined, exit: ExitCode): Promise<ExitCode> {
  // Whoever interrupts wants to leave.
  if (file === undefined || context.signal.aborted) return exit;
  let text: string;
  try {
    text = await pageOf(pool, config, run);
  } catch (error) {
    if (!isConnectionTrouble(error)) throw error;
    context.output.error(`${file} was not written: the ledger (Postgres) does not answer`, `syncline runs show ${run.run} --report FILE writes it later`);
    return exit === EXIT.done ? EXIT.unreached : exit;
  }
  const written = await writeBeside(context, [{ option: '--report', file, text }]);
  return written || exit !== EXIT.done ? exit : EXIT.failed;
}

async function pageOf(pool: Pool, config: Config, run: RunDocument): Promise<string> {
  const { callsBetween, failureCounts, findRun, laneWaits } = await import('../../ledger/index.js');
  const { runPage } = await import('../../report/index.js');
  const { no, accountId } = (await findRun(pool, run.run)) as RunRow;
  const sync = Object.hasOwn(config.syncs, run.sync) ? config.syncs[run.sync] : undefined;
  const limits = (sync === undefined ? undefined : config.destinations[sync.destination]?.limits) ?? null;
  const at = new Date().toISOString();
  const to = run.endedAt ?? at;
  // Calls from a window before the run count in its first one.
  const before = new Date(Date.parse(run.startedAt) - (limits?.per ?? 0)).toISOString();
  const calls = await callsBetween(pool, accountId, no, { from: before, to }, MOST);
  return runPage({
    made: { version: version(), at }, run, calls, cut: calls.length === MOST, limits,
    waits: await laneWaits(pool, accountId, { from: run.startedAt, to }, MOST), failures: await failureCounts(pool, no),
  });
}
