import { Option } from 'commander';
import { durationOf, momentOf } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { besideOf, checkBeside } from '../files/index.js';
import { followRun } from '../following/index.js';
import { syncOf } from '../names.js';
import { REPORT_WORDS, reportRun } from '../reporting/index.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { costOfBackfill } from '../views/index.js';
import { steer } from './backfill-steering.js';
import { detached, finish, nudge } from './run.js';

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly detach?: true;
  readonly yes?: true;
  readonly allowMassChange?: true;
  readonly timeout?: string;
  readonly report?: string;
}

/** `backfill`: a whole source or a window of it again, behind everything else; `backfill pause|resume|cancel`. */
export const register: Register = (program, act) => {
  const backfill = program
    .command('backfill [sync]')
    .description('read a whole source again, or what changed between two times, and send what differs, behind everything else')
    .option('--from <time>', 'what changed from then on: 2026-01-31T12:00:00Z, or a date (UTC)')
    .option('--to <time>', 'and before then')
    .option('--detach', "print the run's id and return")
    .option('-y, --yes', 'do not ask')
    .option('--allow-mass-change', 'opt in any number of contacts, also where it would stop and ask')
    .addOption(new Option('--timeout <duration>', 'follow it for so long at most (30s, 5m); the backfill goes on').conflicts('detach'))
    .addOption(new Option('--report <file>', REPORT_WORDS).conflicts('detach'))
    .addHelpText('after', examples('backfill crm-newsletter', 'backfill crm-newsletter --from 2026-01-01 --to 2026-02-01 --yes --detach', 'backfill pause 01JX3V5W1D8Q7K2M4N6P8R0S2T'))
    .action(act((context, sync: string | undefined, options: Options) => start(context, sync, options)));
  const steering = (['pause', 'resume', 'cancel'] as const);
  const words = { pause: 'read nothing more until it is resumed; what is staged goes out', resume: 'read on', cancel: 'stop reading for good; what is staged is still delivered' };
  for (const what of steering) {
    backfill
      .command(`${what} <run>`)
      .description(words[what])
      .addHelpText('after', examples(`backfill ${what} 01JX3V5W1D8Q7K2M4N6P8R0S2T`))
      .action(act((context, run: string) => steer(context, what, run)));
  }
};

async function start(context: Context, name: string | undefined, options: Options): Promise<ExitCode> {
  if (name === undefined) throw new CliError('which sync?', EXIT.misused, 'syncline backfill SYNC [--from TIME] [--to TIME]');
  const config = await context.config();
  const sync = await syncOf(config, name);
  const timeoutMs = options.timeout === undefined ? undefined : await durationOf(options.timeout, '--timeout');
  const window = await windowOf(options);
  await checkBeside(context, besideOf({ report: options.report }));
  const session = await openSession(context);
  const { backPressure, startBackfill } = await import('../../control/index.js');
  const { readingBackfill } = await import('../../ledger/index.js');
  if ((await readingBackfill(session.pool, name)) === undefined && !(await agreed(context, session, name, window, options.yes === true))) {
    context.output.error('nothing was started');
    return EXIT.failed;
  }
  const started = await startBackfill(session.pool, session.temporal, config, name, window, options.allowMassChange === true);
  const { account } = config.destinations[sync.destination] as { account: string };
  if (started.attached) {
    await nudge(session, account);
    const unheard = window.from === undefined && window.to === undefined ? '' : '; --from and --to do not change it: ask again when it has ended';
    context.output.warn(`a backfill of this sync is already reading: this is about ${started.run}${unheard}`);
  }
  if (options.detach === true) return detached(context, session, started);
  await session.ensureWorker();
  const { batchSize, limits } = backPressure(config, name);
  const followed = await followRun(context, session, {
    ...started, workflowId: session.ids.backfill(name, started.run), timeoutMs, msOf: (rows) => (Math.ceil(rows / batchSize) * limits.per) / limits.calls,
  });
  return reportRun(context, session, followed.document, options.report, finish(context, followed));
}

/** A window of time. @throws CliError (exit 2) where it holds nothing */
async function windowOf({ from, to }: Options): Promise<{ readonly from?: string; readonly to?: string }> {
  const { microTime } = await import('../../contacts/index.js');
  const at = (text: string, option: string): string => microTime(Date.parse(momentOf(text, option)));
  const window = { ...(from === undefined ? {} : { from: at(from, '--from') }), ...(to === undefined ? {} : { to: at(to, '--to') }) };
  if (window.from !== undefined && window.to !== undefined && window.from >= window.to) {
    throw new CliError('--from is not before --to', EXIT.misused, 'the window is what changed from --from on and before --to');
  }
  return window;
}

/** Says what it costs and asks whoever sits at a terminal. */
async function agreed(context: Context, { config }: Session, name: string, window: { readonly from?: string; readonly to?: string }, yes: boolean): Promise<boolean> {
  const { backfillCost } = await import('../../control/index.js');
  context.output.progress(costOfBackfill(await backfillCost(config, name, window, context.signal)));
  return yes || context.confirm('Start it?');
}
