import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { unknownRun } from '../names.js';
import { openSession } from '../session.js';
import { runView } from '../views/index.js';

const WORDS = {
  pause: 'paused: nothing more is read once its slice has ended, within seconds; what is staged goes out',
  resume: 'it reads on',
  cancel: 'cancelled: nothing more is read; what is staged is still delivered',
} as const;

/**
 * Pauses, resumes or cancels a backfill: stored first, so that it holds with no worker alive, then told to its workflow.
 * @throws CliError (exit 2) where there is no such backfill, or nothing of it is left to be read
 */
export async function steer(context: Context, what: keyof typeof WORDS, id: string): Promise<ExitCode> {
  const { output } = context;
  const { pool, temporal } = await openSession(context);
  const { findRun, pauseReading, runDocument, stopReading } = await import('../../ledger/index.js');
  const { steerRun } = await import('../../control/index.js');
  const run = await findRun(pool, id);
  if (run === undefined) throw unknownRun(id);
  if (run.options.kind !== 'backfill') throw new CliError(`${id} is no backfill`, EXIT.misused, `it is a run of kind ${run.options.kind} of ${run.sync}`);
  if (!run.extracting) throw new CliError(`the backfill ${id} reads no more: it is ${run.status.replaceAll('_', ' ')}`, EXIT.misused, `syncline runs show ${id} tells how it stands`);
  if (what === 'cancel') await stopReading(pool, id);
  else await pauseReading(pool, id, what === 'pause');
  if (!(await steerRun(temporal, run.workflowId, what))) output.warn('its workflow is gone: the sweep of a worker closes its books');
  const document = await runDocument(pool, id);
  if (document === undefined) throw unknownRun(id);
  output.printJson(document);
  output.progress(WORDS[what]);
  output.print(runView(document, output.colors));
  return EXIT.done;
}
