import { resolve } from 'node:path';
import type { KeptKey, RetryObstacle } from '../../ledger/index.js';
import { durationOf } from '../arguments.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { readKeys, type KeyFile } from '../files/index.js';
import { followRun } from '../following/index.js';
import { syncOf } from '../names.js';
import { formatNumber } from '../output/index.js';
import { openSession } from '../session.js';
import { detached, finish } from './run.js';

export interface RetryOptions {
  readonly reason?: string;
  readonly file?: string;
  readonly detach?: true;
  readonly timeout?: string;
}

/** A key that was asked for and is not sent. */
interface NotRetried {
  readonly line: number;
  readonly key: string | null;
  readonly reason: string;
}

/** Line numbers a person is shown of one reason. */
const SHOWN = 10;

/** `failures retry`: rejected rows once more, as a run of their own. */
export async function retry(context: Context, name: string, options: RetryOptions): Promise<ExitCode> {
  const { output } = context;
  const config = await context.config();
  await syncOf(config, name);
  const timeoutMs = options.timeout === undefined ? undefined : await durationOf(options.timeout, '--timeout');
  const file = options.file === undefined ? null : await readKeys(resolve(context.cwd, options.file));
  const session = await openSession(context);
  const { pool, temporal } = session;
  const { planRetry, startRetry } = await import('../../control/index.js');
  const asked = { reason: options.reason ?? null, keys: file === null ? null : file.keys.map(({ key }) => key) };
  const plan = await planRetry(pool, config, name, asked);
  const notRetried = file === null ? [] : linesOf(name, file, plan.keptKeys);
  for (const line of summaryOf(notRetried)) output.warn(line);
  if (plan.retriable === 0) {
    const { listFailures } = await import('../../ledger/index.js');
    const { total } = await listFailures(pool, name, 1);
    output.printJson({ run: null, sync: name, queued: 0, failures: total, ...(file === null ? {} : { notRetried }) });
    output.print(total === 0 ? `nothing to retry: ${name} has no open failures` : `nothing to retry: of the ${formatNumber(total)} open failures of ${name} none ${asked.reason === null && file === null ? 'can be sent again' : 'that was asked for can be sent again'}`);
    if (file === null) for (const why of Object.keys(plan.kept) as RetryObstacle[]) output.print(`  ${formatNumber(plan.kept[why] ?? 0)}: ${words(name, why)}`);
    return EXIT.done;
  }
  const { run } = await startRetry(pool, temporal, config, name, asked);
  if (options.detach === true) return detached(context, session, { run, attached: false });
  await session.ensureWorker();
  const followed = await followRun(context, session, { run, workflowId: session.ids.retry(name, run), attached: false, timeoutMs });
  const document = { ...followed.document, ...(file === null ? {} : { notRetried }) };
  return finish(context, { ...followed, document });
}

function linesOf(sync: string, { keys, empty }: KeyFile, kept: readonly KeptKey[]): readonly NotRetried[] {
  const of = kept.map(({ index, why }) => ({ line: keys[index]?.line ?? 0, key: keys[index]?.key ?? null, reason: words(sync, why) }));
  return [...of, ...empty.map((line) => ({ line, key: null, reason: 'it has no key: mend the row in the source, and the next run reads it' }))].sort((a, b) => a.line - b.line);
}

/** A line a reason: how many, and which lines of the file. Keys are for the JSON: a log may be read by others. */
function summaryOf(notRetried: readonly NotRetried[]): readonly string[] {
  return [...new Set(notRetried.map(({ reason }) => reason))].map((reason) => {
    const lines = notRetried.filter((one) => one.reason === reason).map(({ line }) => line);
    const more = lines.length > SHOWN ? ` and ${formatNumber(lines.length - SHOWN)} more` : '';
    return `not sent: line${lines.length === 1 ? '' : 's'} ${lines.slice(0, SHOWN).join(', ')}${more}: ${reason}`;
  });
}

/** Why a row is not sent once more, and the way out. */
function words(sync: string, why: KeptKey['why']): string {
  switch (why) {
    case 'unknown': return `no open failure of ${sync} has this key`;
    case 'other': return 'its failure has another reason than the one asked for';
    case 'invalid': return 'invalid rows are mended in the source, and read again by the next run';
    case 'expired': return `the payload has gone by its retention, so it is read again: syncline run ${sync} --only KEY --resend`;
    case 'held': return 'it is held, as the platform would take it for another contact (onKeyChange: hold)';
    case 'duplicate': return 'the platform cannot tell it from another contact: merge them in the source';
    case 'erased': return 'the person was erased';
    case 'owned': return 'the key belongs to another sync of the same destination';
  }
}
