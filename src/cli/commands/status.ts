import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, DestinationConfig } from '../../config/index.js';
import type { StatusDocument } from '../../ledger/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { isConnectionTrouble } from '../following/index.js';
import { withNextRuns } from '../next-runs.js';
import { openLedger } from '../session.js';
import type { LedgerSession } from '../session.js';
import { statusView } from '../views/index.js';

/** Milliseconds between two pictures of `--watch`. */
const REDRAW_MS = 2_000;

/** `status`: how every sync and lane stands. */
export const register: Register = (program, act) => {
  program
    .command('status')
    .description('syncs (cursor, last run, next run), lanes (waiting, pace, state and why), opt-outs (how long they take) and failures')
    .option('--watch', 'look again every two seconds until Ctrl-C')
    .addHelpText('after', examples('status', 'status --watch', 'status --json'))
    .action(act((context, { watch }: { readonly watch?: true }) => status(context, watch === true)));
};

async function status(context: Context, watch: boolean): Promise<ExitCode> {
  const { output, signal } = context;
  if (watch && output.json) throw new CliError('--watch is for people, --json for programs', EXIT.misused, 'call status --json again and again instead');
  const session = await openLedger(context);
  if (!watch) {
    const document = await standing(session, context);
    output.printJson(document);
    output.print(statusView(document, Date.now(), output.colors));
    return EXIT.done;
  }
  while (!signal.aborted) {
    output.print(`${output.terminal ? '\u001b[H\u001b[2J' : ''}${new Date().toISOString()}\n\n${await picture(session, context)}\n`);
    await sleep(REDRAW_MS, undefined, { signal }).catch(() => undefined);
  }
  return EXIT.done;
}

async function picture(session: LedgerSession, context: Context): Promise<string> {
  try {
    return statusView(await standing(session, context), Date.now(), context.output.colors);
  } catch (error) {
    if (!isConnectionTrouble(error)) throw error;
    return 'the ledger (Postgres) does not answer: looking again';
  }
}

/** What the ledger says, what of the configuration it has not met yet, and what only Temporal knows. */
async function standing({ pool, config }: LedgerSession, context: Context): Promise<StatusDocument> {
  const { statusDocument } = await import('../../ledger/index.js');
  return withNextRuns(context, completed(await statusDocument(pool), config));
}

function completed({ syncs, lanes }: StatusDocument, config: Config): StatusDocument {
  const accountOf = (destination: string): string => (config.destinations[destination] as DestinationConfig).account;
  const unmet = Object.values(config.syncs).filter(({ name }) => !syncs.some((known) => known.sync === name));
  const accounts = [...new Set(Object.values(config.syncs).map(({ destination }) => accountOf(destination)))];
  return {
    syncs: [
      ...syncs,
      ...unmet.map(({ name, source, destination }) => ({
        sync: name, source, destination, account: accountOf(destination), cursor: null, lagSeconds: null, lastRun: null, nextRun: null,
        waiting: 0, inFlight: 0, failures: 0,
      })),
    ],
    lanes: [
      ...lanes,
      ...accounts.filter((account) => !lanes.some((lane) => lane.account === account)).map((account) => ({
        account, state: 'idle' as const, reason: null, hint: null, until: null, waiting: 0, inFlight: 0, unknown: 0,
        oldestWaitingSeconds: null, callsLastMinute: 0, accepted: 0, notices: [],
        optOuts: { waiting: 0, oldestWaitingSeconds: null, effective: 0, fromSource: null, fromStaging: null },
      })),
    ],
  };
}
