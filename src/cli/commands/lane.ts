import type { Config } from '../../config/index.js';
import type { Pool } from '../../ledger/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { unknownName } from '../names.js';
import { openLedger, openSession } from '../session.js';

/** `lane`: halts an account by hand, and lets it go on. */
export const register: Register = (program, act) => {
  const lane = program
    .command('lane')
    .description('halt an account by hand, or let it go on')
    .addHelpText('after', examples('lane pause acme', 'lane resume acme'));
  lane
    .command('pause <name>')
    .description('no call leaves for this account; rows wait')
    .addHelpText('after', examples('lane pause acme'))
    .action(act((context, name: string) => pause(context, name)));
  lane
    .command('resume <name>')
    .description('calls leave again; lifts a block and a quota pause, too')
    .addHelpText('after', examples('lane resume acme'))
    .action(act((context, name: string) => resume(context, name)));
};

async function pause(context: Context, name: string): Promise<ExitCode> {
  const { pool, config } = await openLedger(context);
  const account = await accountOf(pool, config, name);
  const { setPaused } = await import('../../ledger/index.js');
  await setPaused(pool, account, true);
  await tell(context, pool, account, `${account} is paused: rows wait until syncline lane resume ${account}`);
  return EXIT.done;
}

/** The lane is woken where something can wake it; elsewhere the next worker finds its rows. */
async function resume(context: Context, name: string): Promise<ExitCode> {
  const config = await context.config();
  const [{ wakeLane }, { workerLives }] = await Promise.all([import('../../control/index.js'), import('../../hosting/index.js')]);
  const somewhere = config.temporal.address !== null || (context.env['TEMPORAL_ADDRESS'] ?? '') !== '' || workerLives(config.directory);
  const session = somewhere ? await openSession(context) : undefined;
  const { pool } = session ?? (await openLedger(context));
  const account = await accountOf(pool, config, name);
  const { setPaused } = await import('../../ledger/index.js');
  await setPaused(pool, account, false);
  if (session !== undefined) await wakeLane(session.temporal, account);
  await tell(context, pool, account, session === undefined ? `${account} goes on with the next worker (syncline dev, or any run)` : `${account} goes on`);
  return EXIT.done;
}

async function tell({ output }: Context, pool: Pool, account: string, words: string): Promise<void> {
  const { findLane, laneDocument } = await import('../../ledger/index.js');
  const lane = await findLane(pool, account);
  if (lane !== undefined) output.printJson(await laneDocument(pool, lane.id));
  output.print(words);
}

/** The account of this name, or of the destination of this name; made known to the ledger where it is new to it. */
async function accountOf(pool: Pool, config: Config, name: string): Promise<string> {
  const { findLane } = await import('../../ledger/index.js');
  if ((await findLane(pool, name)) !== undefined) return name;
  const destinations = Object.values(config.destinations);
  const destination = destinations.find((one) => one.account === name) ?? destinations.find((one) => one.name === name);
  const sync = Object.values(config.syncs).find((one) => one.destination === destination?.name);
  if (destination === undefined || sync === undefined) {
    throw await unknownName('lane', name, [...new Set(destinations.map((one) => one.account))], config.file);
  }
  const { registerSync } = await import('../../control/index.js');
  await registerSync(pool, config, sync.name);
  return destination.account;
}
