import { setTimeout as sleep } from 'node:timers/promises';
import type { Begun, ForgetDocument } from '../../control/index.js';
import { durationOf } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { followRun } from '../following/index.js';
import { syncOf } from '../names.js';
import { table } from '../output/index.js';
import type { Colors } from '../output/index.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';

interface Options {
  readonly yes?: true;
  readonly timeout?: string;
}

/** The worker clears up as well, and who comes second does not wait for the first: looked at again so often, so far apart. Milliseconds. */
const LOOKS = 40;
const LOOK_MS = 250;

/** `forget`: erases a person at the platforms and here. */
export const register: Register = (program, act) => {
  program
    .command('forget <sync> <key>')
    .description("erase a person: at every destination the sync's source feeds, then here; only hashes stay, so that nothing brings them back")
    .option('-y, --yes', 'do not ask')
    .option('--timeout <duration>', 'follow it for so long at most (30s, 5m); the erasures go on')
    .addHelpText('after', examples('forget crm-newsletter 4711', 'forget crm-newsletter 4711 --yes --json'))
    .action(act((context, sync: string, key: string, options: Options) => forgetPerson(context, sync, key, options)));
};

async function forgetPerson(context: Context, sync: string, key: string, options: Options): Promise<ExitCode> {
  const { output } = context;
  const config = await context.config();
  const { source } = await syncOf(config, sync);
  const timeoutMs = options.timeout === undefined ? undefined : await durationOf(options.timeout, '--timeout');
  const fed = [...new Set(Object.values(config.syncs).filter((one) => one.source === source).map((one) => one.destination))];
  const question = `This erases the contact ${key} of ${source} at ${fed.join(', ')} and in the ledger. It cannot be undone. Go on?`;
  if (options.yes !== true && !(await context.confirm(question))) throw new CliError('nothing was done: it was not confirmed', EXIT.failed, '--yes does not ask');

  const session = await openSession(context);
  const { beginForgetting } = await import('../../control/index.js');
  const begun = await beginForgetting(session.pool, session.temporal, config, sync, key);
  const exit = await follow(context, session, begun, timeoutMs);
  const document = await cleaned(session, sync, key, begun, exit === EXIT.done);
  output.printJson(document);
  output.print(viewOf(document, output.colors));
  for (const { destination, refusal } of refused(document)) {
    output.error(`${destination} did not erase the contact: ${refusal ?? ''}`, `syncline forget ${sync} KEY again has it tried again; what else was begun is done`);
  }
  if (exit !== EXIT.done) return exit;
  return refused(document).length > 0 ? EXIT.rejects : document.clean ? EXIT.done : EXIT.failed;
}

const refused = ({ erasures }: ForgetDocument): ForgetDocument['erasures'] => erasures.filter(({ refusal }) => refusal !== null);

/** Follows every erasure to its end; ends with the first that has to be left. */
async function follow(context: Context, session: Session, { erasures }: Begun, timeoutMs: number | undefined): Promise<ExitCode> {
  const endsAt = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  let exit: ExitCode = EXIT.done;
  for (const { run, account, destination } of erasures) {
    if (session.config.destinations[destination] === undefined) {
      context.output.warn(`${destination} is no destination of the configuration any more: put it back to have the contact erased there, or erase it there by hand`);
      exit = EXIT.failed;
      continue;
    }
    await session.ensureWorker();
    const followed = await followRun(context, session, {
      run, workflowId: session.ids.lane(account), attached: false, toEnd: true, timeoutMs: endsAt === undefined ? undefined : Math.max(0, endsAt - performance.now()),
    });
    if (followed.left !== undefined) {
      context.output.error(followed.left.reason, `${followed.left.hint}; syncline forget again follows it on`);
      return followed.exit;
    }
  }
  return exit;
}

async function cleaned({ pool, config }: Session, sync: string, key: string, begun: Begun, ended: boolean): Promise<ForgetDocument> {
  const { endForgetting } = await import('../../control/index.js');
  for (let look = 1; ; look++) {
    const document = await endForgetting(pool, config, sync, key, begun);
    if (document.clean || !ended || look === LOOKS || refused(document).length > 0) return document;
    await sleep(LOOK_MS);
  }
}

function viewOf({ known, erasures, clean, notices, key }: ForgetDocument, colors: Colors): string {
  const done = erasures.every(({ status }) => status === 'completed');
  return [
    ...(erasures.length === 0
      ? [known ? 'no destination holds the contact' : 'nothing was known of this key: it is noted, and is not sent should it come']
      : [table(['destination', 'sync', 'erasure', 'run'], erasures.map((one) => [one.destination, one.sync, one.status.replaceAll('_', ' '), one.run]), { colors })]),
    ...notices.map((notice) => `${colors.yellow('notice:')} ${notice}`),
    clean && done ? `${colors.green('forgotten')}: of ${key} only hashes are left, so that nothing brings the contact back` : `${colors.yellow('not done yet')}: nothing is sent for ${key} any more; its last traces go when the erasures have arrived`,
  ].join('\n\n');
}
