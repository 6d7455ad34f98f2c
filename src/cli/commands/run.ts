import { Option } from 'commander';
import type { StartedRun } from '../../control/index.js';
import type { RunOptions } from '../../ledger/index.js';
import { count, durationOf, keys } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { besideOf, checkBeside } from '../files/index.js';
import { followEarlier, followRun } from '../following/index.js';
import type { Followed } from '../following/index.js';
import { syncOf, unknownRun } from '../names.js';
import { tellNext } from '../next.js';
import { REPORT_WORDS, reportRun } from '../reporting/index.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { runView } from '../views/index.js';

interface Options {
  readonly full?: true;
  readonly resend?: true;
  readonly only?: readonly string[];
  readonly limit?: number;
  readonly allowDeletes?: true;
  readonly allowMassChange?: true;
  readonly detach?: true;
  readonly timeout?: string;
  readonly report?: string;
}

/** `run`: one run now, followed to its end. */
export const register: Register = (program, act) => {
  program
    .command('run <sync>')
    .description('run a sync once, now, and follow it to its end; where a run is already reading, follow that one')
    .option('--full', 'read the whole source, not only what changed')
    .option('--resend', 'send also what is unchanged')
    .addOption(new Option('--only <keys>', 'only these contact keys, separated by commas').argParser(keys).conflicts('full'))
    .addOption(new Option('--limit <n>', 'stop reading after so many rows; the cursor stays').argParser(count))
    .option('--allow-deletes', 'let go of contacts that are gone from the source, also where they are more than a fifth of all')
    .option('--allow-mass-change', 'opt in and change any number of contacts, also where a run would stop and ask')
    .option('--detach', "print the run's id and return")
    .addOption(new Option('--timeout <duration>', 'follow it for so long at most (30s, 5m); the run goes on').conflicts('detach'))
    .addOption(new Option('--report <file>', REPORT_WORDS).conflicts('detach'))
    .addHelpText('after', examples('run crm-newsletter', 'run crm-newsletter --full --resend', 'run crm-newsletter --only 17,4711 --json', 'run crm-newsletter --full --allow-deletes', 'run crm-newsletter --report run.html', 'run crm-newsletter --detach'))
    .action(act((context, sync: string, options: Options) => run(context, sync, options)));
};

async function run(context: Context, name: string, options: Options): Promise<ExitCode> {
  const config = await context.config();
  const sync = await syncOf(config, name);
  const timeoutMs = options.timeout === undefined ? undefined : await durationOf(options.timeout, '--timeout');
  await checkBeside(context, besideOf({ report: options.report }));
  const session = await openSession(context);
  const started = await startOrFind(session, name, askedFor(options));
  const lifted = started.attached ? await nudge(session, (config.destinations[sync.destination] as { account: string }).account) : started.lifted;
  const workflowId = (started.attached ? await workflowOf(session, started.run) : undefined) ?? session.ids.sync(name, started.run);
  if (started.attached) tellAttached(context, started.run, options);
  if (options.detach === true) return detached(context, session, started);
  await session.ensureWorker();
  const followed = await follow(context, session, { ...started, lifted, workflowId, timeoutMs }, options.only === undefined);
  const exit = await reportRun(context, session, followed.document, options.report, finish(context, followed));
  if (exit === EXIT.done) tellNext(context, `verify ${name}`);
  if (exit === EXIT.rejects) tellNext(context, `failures ${name}`);
  return exit;
}

/**
 * Where this process's worker is the only one, or a halted lane was lifted for the run, earlier rows are part of what was
 * asked for; not by somebody who named contacts.
 */
async function follow(
  context: Context,
  session: Session,
  started: StartedRun & { readonly workflowId: string; readonly timeoutMs: number | undefined },
  whole: boolean,
): Promise<Followed> {
  const began = performance.now();
  const followed = await followRun(context, session, started);
  if (followed.left !== undefined || !whole || !(started.lifted || session.hosting())) return followed;
  return { ...followed, ...(await followEarlier(context, session, { ...started, began })) };
}

/** One that a schedule started has a workflow of another name. */
async function workflowOf({ pool }: Session, run: string): Promise<string | undefined> {
  const { findRun } = await import('../../ledger/index.js');
  return (await findRun(pool, run))?.workflowId;
}

/** A run that seems to read may have lost its workflow: healing marks it failed, and the new one is started after all. */
async function startOrFind({ pool, temporal, config }: Session, name: string, asked: RunOptions): Promise<StartedRun> {
  const { heal, startRun } = await import('../../control/index.js');
  const started = await startRun(pool, temporal, config, name, asked);
  if (!started.attached) return started;
  const { runs } = await heal(pool, temporal);
  return runs.includes(started.run) ? startRun(pool, temporal, config, name, asked) : started;
}

function askedFor({ full, resend, only, limit, allowDeletes, allowMassChange }: Options): RunOptions {
  return {
    kind: only !== undefined ? 'only' : full === true ? 'full' : 'incremental',
    ...(only === undefined ? {} : { only }),
    ...(resend === true ? { resend } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(allowDeletes === true ? { allowDeletes } : {}),
    ...(allowMassChange === true ? { allowMassChange } : {}),
  };
}

/** A new run tries again what waits; whoever asks again while one reads wants the same. @returns whether a block or a quota's pause was lifted */
export async function nudge({ pool, temporal }: Session, account: string): Promise<boolean> {
  const { tryAgain } = await import('../../ledger/index.js');
  const { wakeWaiting } = await import('../../control/index.js');
  const lifted = await tryAgain(pool, account);
  await wakeWaiting(pool, temporal, account);
  return lifted;
}

function tellAttached({ output }: Context, run: string, { full, resend, only, limit, allowDeletes, allowMassChange }: Options): void {
  const asked = [full === true ? '--full' : '', resend === true ? '--resend' : '', only === undefined ? '' : '--only', limit === undefined ? '' : '--limit', allowDeletes === true ? '--allow-deletes' : '', allowMassChange === true ? '--allow-mass-change' : ''].filter((word) => word !== '');
  const unheard = asked.length === 0 ? '' : `; what was asked for (${asked.join(', ')}) does not change it: ask again when it has ended`;
  output.warn(`a run of this sync is already reading: this is about ${run}${unheard}`);
}

/** Prints a run that was started, and leaves it. */
export async function detached({ output }: Context, session: Session, { run: id, attached }: { readonly run: string; readonly attached: boolean }): Promise<ExitCode> {
  const { runDocument } = await import('../../ledger/index.js');
  const document = await runDocument(session.pool, id, attached);
  if (document === undefined) throw unknownRun(id);
  const { workerLives } = await import('../../hosting/index.js');
  if (session.runtime.embeddedTemporal && !workerLives(session.config.directory)) {
    output.warn('no worker lives beside this configuration: the run begins with the next one (syncline dev, or any run)');
  }
  output.printJson(document);
  output.print(id);
  return EXIT.done;
}

/** Prints how a followed run ended, or why it was left. */
export function finish({ output }: Context, { document, exit, left }: Followed): ExitCode {
  output.printJson(document);
  output.print(runView(document, output.colors));
  if (left !== undefined) output.error(left.reason, left.hint);
  else if (document.error !== null) output.error(`the run failed: ${document.error}`);
  return exit;
}
