import type { Config } from '../config/index.js';
import { examineLedger, type LedgerFound } from '../ledger/index.js';
import { databaseWords } from '../postgres/index.js';
import { probeEmbedded, probePostgres, probeTemporal, SEARCH_ATTRIBUTES, type TemporalFound } from '../runtime/index.js';
import { ill, well, type Check, type Probe } from './check.js';

type Env = Readonly<Record<string, string | undefined>>;

/** Share of the deadline in which a server must take the connection: the questions come after it. */
const CONNECTING = 0.5;
/** Milliseconds after which a server that is not there is not there, also where a check may take longer. */
const CONNECT_MS = 5_000;

const connectMs = (deadlineMs: number): number => Math.min(CONNECT_MS, deadlineMs * CONNECTING);

/** Temporal: the server and its namespace, the search attributes, a worker. */
export function temporalProbe({ temporal, directory }: Config, env: Env, deadlineMs: number): Probe {
  const at = { name: 'temporal', kind: 'temporal' } as const;
  const configured = temporal.address ?? (env['TEMPORAL_ADDRESS'] || null);
  return {
    ...at,
    async look() {
      if (configured !== null) {
        const found = await probeTemporal(configured, temporal, connectMs(deadlineMs));
        return [well(at, `reached at ${configured}, namespace ${temporal.namespace}`), attributesCheck(found, temporal.namespace), workerCheck(found, temporal.taskQueue)];
      }
      const embedded = probeEmbedded(directory, env);
      if (embedded.temporalAddress !== null) {
        const found = await probeTemporal(embedded.temporalAddress, temporal, connectMs(deadlineMs));
        return [well(at, `its own, running at ${found.address}, namespace ${temporal.namespace}`), attributesCheck(found, temporal.namespace)];
      }
      const there = await embedded.temporalAtHand();
      return [well(at, there ? 'its own, not running' : 'its own, not running and not fetched yet: the first command that needs it downloads it, once', 'a command that needs it starts it for as long as it runs; syncline dev keeps it up')];
    },
  };
}

function attributesCheck({ missing }: TemporalFound, namespace: string): Check {
  const at = { name: 'search attributes', kind: 'temporal' } as const;
  if (missing.length === 0) return well(at, 'registered');
  const flags = missing.map((name) => `--name ${name} --type ${SEARCH_ATTRIBUTES[name as keyof typeof SEARCH_ATTRIBUTES]}`).join(' ');
  return ill(at, 'wrong', `not registered: ${missing.join(', ')}; runs go on without them, and cannot be searched for in the Web UI`,
    `the next syncline worker registers them; where it may not: temporal operator search-attribute create --namespace ${namespace} ${flags}`);
}

function workerCheck({ workers }: TemporalFound, taskQueue: string): Check {
  const at = { name: 'worker', kind: 'temporal' } as const;
  if (workers === null) return well(at, 'Temporal does not say whether one asks for work', 'see that syncline worker runs somewhere');
  if (workers > 0) return well(at, `${String(workers)} ${workers === 1 ? 'asks' : 'ask'} for work of task queue ${taskQueue}`);
  return ill(at, 'unreached', `none asks for work of task queue ${taskQueue}: runs would begin and not move`, 'start one: syncline worker');
}

/** Postgres: the server, the ledger's schema, the role's rights. */
export function postgresProbe({ database, directory }: Config, env: Env, deadlineMs: number): Probe {
  const at = { name: 'postgres', kind: 'postgres' } as const;
  const ms = connectMs(deadlineMs);
  return {
    ...at,
    async look() {
      if (database !== null) {
        await probePostgres(database.url, ms);
        const found = await examineLedger(database.url, ms);
        return [well(at, `reached: ${databaseWords(database.url, 'the configured Postgres')}, version ${found.serverVersion}`), ledgerCheck(found)];
      }
      const embedded = probeEmbedded(directory, env);
      const { databaseUrl } = embedded;
      if (databaseUrl !== null) {
        const found = await examineLedger(databaseUrl, ms);
        return [well(at, `its own, running, version ${found.serverVersion}`), ledgerCheck(found)];
      }
      await embedded.postgresAtHand();
      return [well(at, 'its own, not running', 'a command that needs it starts it for as long as it runs; syncline dev keeps it up')];
    },
  };
}

function ledgerCheck({ schema, pending, held, missingRights }: LedgerFound): Check {
  const at = { name: 'ledger', kind: 'postgres' } as const;
  if (missingRights.length > 0) return ill(at, 'wrong', missingRights.join('; '), 'grant the role of database.url these rights, or use the role that made the schema');
  switch (schema) {
    case 'absent':
      return well(at, 'not there yet, and may be made', 'the first command that needs it makes it');
    case 'behind':
      return well(at, `${String(pending)} ${pending === 1 ? 'migration' : 'migrations'} behind this version`, 'the next command or worker of this version brings it up to date');
    case 'ahead':
      return ill(at, 'wrong', 'made by a newer version of Syncline than this one', 'use that version here, too');
    case 'current':
      if (held.length > 0) {
        const unread = held.flatMap((one) => one.unread);
        return ill(at, 'wrong', `restored from a back-up and older than what was sent: ${held.map(({ account }) => account).join(', ')} ${held.length === 1 ? 'holds' : 'hold'} until ${unread.join(', ')} ${unread.length === 1 ? 'has' : 'have'} been read again`,
          `scheduled runs do that by themselves; else: ${unread.map((sync) => `syncline run ${sync}`).join('; ')}`);
      }
      return well(at, 'up to date, with every right');
  }
}
