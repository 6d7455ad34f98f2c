import type { FoundSchedule, ScheduleChange, ScheduleStanding } from '../../control/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { unknownName } from '../names.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { changesView, schedulesView } from '../views/index.js';

interface Options {
  readonly yes?: true;
  readonly note?: string;
}

const YES = ['-y, --yes', 'do not ask'] as const;

/** `schedule`: Temporal Schedules from the configuration. */
export const register: Register = (program, act) => {
  const schedule = program
    .command('schedule')
    .description("run syncs by themselves: Temporal Schedules from the configuration's schedule:")
    .addHelpText('after', examples('schedule apply', 'schedule list'));
  schedule
    .command('apply [sync]')
    .description('show the difference between the configuration and Temporal, and make it')
    .option(...YES)
    .addHelpText('after', examples('schedule apply', 'schedule apply crm-newsletter --yes --json'))
    .action(act((context, sync: string | undefined, options: Options) => apply(context, sync, options)));
  schedule
    .command('list [sync]')
    .description('every schedule with its last run and its next, and why one is paused')
    .addHelpText('after', examples('schedule list', 'schedule list --json'))
    .action(act((context, sync: string | undefined) => list(context, sync)));
  schedule
    .command('pause [sync]')
    .description('no run starts by itself; a run under way goes on')
    .option('--note <text>', 'why, for the schedule', 'paused by hand')
    .addHelpText('after', examples('schedule pause crm-newsletter --note "the CRM is being moved"'))
    .action(act((context, sync: string | undefined, { note = '' }: Options) => each(context, sync, 'paused', async (found, control) => {
      await control.pauseSchedule(found, note);
    })));
  schedule
    .command('resume [sync]')
    .description('runs start by themselves again')
    .option('--note <text>', 'why, for the schedule', 'resumed by hand')
    .addHelpText('after', examples('schedule resume crm-newsletter'))
    .action(act((context, sync: string | undefined, { note = '' }: Options) => each(context, sync, 'resumed', async (found, control) => {
      await control.resumeSchedule(found, note);
    })));
  schedule
    .command('trigger [sync]')
    .description('start a scheduled run now, unless one is under way')
    .addHelpText('after', examples('schedule trigger crm-newsletter'))
    .action(act((context, sync: string | undefined) => trigger(context, sync)));
  schedule
    .command('delete [sync]')
    .description('take a schedule, or all of this installation, out of Temporal; apply makes them again')
    .option(...YES)
    .addHelpText('after', examples('schedule delete crm-newsletter --yes'))
    .action(act((context, sync: string | undefined, options: Options) => remove(context, sync, options)));
};

async function apply(context: Context, sync: string | undefined, { yes }: Options): Promise<ExitCode> {
  const { output } = context;
  const config = await context.config();
  const session = await openSession(context);
  const { compareSchedules, makeSchedules } = await import('../../control/index.js');
  if (sync !== undefined && !Object.hasOwn(config.syncs, sync)) await chosen(session, sync);
  const changes = await compareSchedules(session.temporal, config, sync ?? null);
  const open = changes.filter(({ action }) => action !== 'none');
  output.print(changesView(changes, output.colors));
  if (open.length > 0 && yes !== true && !(await context.confirm(`Make ${open.length === 1 ? 'this change' : `these ${String(open.length)} changes`} in Temporal?`))) {
    throw new CliError('nothing was done: it was not confirmed', EXIT.failed, '--yes does not ask');
  }
  await makeSchedules(session.temporal, config, open);
  output.printJson({ changes, applied: open.length });
  tellWhatFollows(context, session, changes);
  return EXIT.done;
}

function tellWhatFollows({ output }: Context, { runtime }: Session, changes: readonly ScheduleChange[]): void {
  for (const { sync, paused, action } of changes) {
    if (paused && action !== 'remove') output.warn(`${sync} is paused and stays so: syncline schedule resume ${sync}`);
  }
  if (changes.every(({ action }) => action === 'remove')) return;
  if (runtime.embeddedTemporal) output.warn('this Temporal is an embedded one: schedules run only while syncline dev does');
  output.progress('next: syncline schedule list');
}

async function list(context: Context, sync: string | undefined): Promise<ExitCode> {
  const { output } = context;
  const { pool, temporal, config } = await openSession(context);
  const { schedulesStanding, scheduleStanding } = await import('../../control/index.js');
  const one = sync === undefined ? undefined : await scheduleStanding(pool, temporal, config, sync);
  if (sync !== undefined && one === undefined && !Object.hasOwn(config.syncs, sync)) throw await unknownName('sync', sync, Object.keys(config.syncs), config.file);
  const schedules: readonly ScheduleStanding[] = sync === undefined ? await schedulesStanding(pool, temporal, config) : one === undefined ? [] : [one];
  output.printJson({ schedules });
  output.print(schedules.length === 0 ? 'there is no schedule: give a sync one in the configuration (schedule: {every: 5m}), then syncline schedule apply' : schedulesView(schedules, Date.now(), output.colors));
  if (schedules.some(({ upToDate }) => !upToDate)) output.warn('the configuration and Temporal differ: syncline schedule apply');
  else if (schedules.length > 0) output.progress('next: syncline status');
  return EXIT.done;
}

type Control = typeof import('../../control/index.js');

/** Does something to the Schedule that was named, or to all of them. */
async function each(context: Context, sync: string | undefined, done: string, work: (found: FoundSchedule, control: Control) => Promise<void>): Promise<ExitCode> {
  const session = await openSession(context);
  const control = await import('../../control/index.js');
  const found = await chosen(session, sync);
  for (const one of found) await work(one, control);
  context.output.printJson({ [done]: found.map((one) => one.sync) });
  context.output.print(found.map((one) => `${one.sync}: ${done}`).join('\n'));
  return EXIT.done;
}

async function trigger(context: Context, sync: string | undefined): Promise<ExitCode> {
  const { output } = context;
  const session = await openSession(context);
  const { triggerSchedule } = await import('../../control/index.js');
  const triggered: { readonly sync: string; readonly workflowId: string | null }[] = [];
  for (const found of await chosen(session, sync)) triggered.push({ sync: found.sync, workflowId: await triggerSchedule(found) });
  output.printJson({ triggered });
  output.print(triggered.map((one) => `${one.sync}: ${one.workflowId === null ? 'nothing was started, a scheduled run is under way' : `started ${one.workflowId}`}`).join('\n'));
  output.progress('next: syncline schedule list');
  return EXIT.done;
}

async function remove(context: Context, sync: string | undefined, { yes }: Options): Promise<ExitCode> {
  const session = await openSession(context);
  const found = await chosen(session, sync);
  const question = `Take the schedules of ${found.map((one) => one.sync).join(', ')} out of Temporal?`;
  if (yes !== true && !(await context.confirm(question))) throw new CliError('nothing was done: it was not confirmed', EXIT.failed, '--yes does not ask');
  for (const { handle } of found) await handle.delete();
  context.output.printJson({ deleted: found.map((one) => one.sync) });
  context.output.print(found.map((one) => `${one.sync}: deleted`).join('\n'));
  return EXIT.done;
}

/** The Schedule that was named, also of a sync that left the configuration, or all of this installation. @throws CliError (exit 2) where there is none */
async function chosen({ temporal, config }: Session, sync: string | undefined): Promise<readonly FoundSchedule[]> {
  const { findSchedule, listedSyncs } = await import('../../control/index.js');
  const names = sync === undefined ? [...new Set([...Object.keys(config.syncs), ...(await listedSyncs(temporal))])] : [sync];
  const found = (await Promise.all(names.map((name) => findSchedule(temporal, name)))).filter((one) => one !== undefined);
  if (found.length > 0) return found;
  if (sync !== undefined && !Object.hasOwn(config.syncs, sync)) throw await unknownName('sync', sync, Object.keys(config.syncs), config.file);
  throw new CliError(sync === undefined ? 'Temporal has no schedule of this installation' : `Temporal has no schedule of ${sync}`, EXIT.misused, 'syncline schedule apply makes those of the configuration');
}
