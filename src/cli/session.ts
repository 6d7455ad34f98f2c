import type { Config } from '../config/index.js';
import type { Ids, Orchestrator } from '../control/index.js';
import type { WorkerHost } from '../hosting/index.js';
import type { Pool } from '../ledger/index.js';
import type { Runtime } from '../runtime/index.js';
import type { Context } from './context.js';

/** Connections of a command that only asks; a hosted worker has its own. */
const CONNECTIONS = 4;
/** Milliseconds questions under way may take when the command ends. */
const LEAVE_MS = 3_000;

/** Milliseconds Temporal is waited for where it is only to hurry. */
const WAKE_MS = 5_000;

/** What a command needs that only reads the ledger. */
export interface LedgerSession {
  readonly config: Config;
  readonly runtime: Runtime;
  readonly pool: Pool;
}

/** What a command needs that starts something. */
export interface Session extends LedgerSession {
  readonly temporal: Orchestrator;
  readonly ids: Ids;
  /** Whether a worker lives in this process. */
  hosting(): boolean;
  /** With the embedded Temporal and no worker on this machine: hosts one here until the command ends. */
  ensureWorker(): Promise<void>;
}

/** The configuration and its ledger, brought up to date; Temporal stays out of it. */
export async function openLedger(context: Context): Promise<LedgerSession> {
  return open(context, await context.config(), await context.runtime({ temporal: false }));
}

/** The configuration, its ledger and Temporal. */
export async function openSession(context: Context): Promise<Session> {
  const config = await context.config();
  const runtime = await context.runtime();
  const ledger = await open(context, config, runtime);
  const [{ idsOf, LiveConfig, orchestratorOf }, { hostWorker, workerLives }] = await Promise.all([import('../control/index.js'), import('../hosting/index.js')]);
  const temporal = orchestratorOf(runtime);
  let host: WorkerHost | undefined;
  let starting: Promise<void> | undefined;
  const start = async (): Promise<void> => {
    context.output.progress('no worker lives beside this configuration: hosting one until this command ends');
    host = await hostWorker({ config: new LiveConfig(config), runtime, directory: config.directory, warn: (line) => { context.output.warn(line); } });
    const { stop } = host;
    context.onClose(() => stop());
  };
  return {
    ...ledger,
    temporal,
    ids: idsOf(temporal),
    hosting: () => host !== undefined,
    ensureWorker: async () => {
      if (!runtime.embeddedTemporal || host !== undefined || workerLives(config.directory)) return;
      await (starting ??= start().finally(() => { starting = undefined; }));
    },
  };
}

/**
 * Temporal, where asking it is worth a moment: a configured one, or the one of a living worker; undefined where there is
 * none, or it does not answer.
 */
export async function reachedTemporal(context: Context, reachMs = WAKE_MS): Promise<Orchestrator | undefined> {
  const config = await context.config();
  const [{ orchestratorOf }, { workerLives }] = await Promise.all([import('../control/index.js'), import('../hosting/index.js')]);
  if (config.temporal.address === null && (context.env['TEMPORAL_ADDRESS'] ?? '') === '' && !workerLives(config.directory)) return undefined;
  try {
    const runtime = await context.runtime({}, reachMs);
    return orchestratorOf(runtime);
  } catch {
    return undefined;
  }
}

/**
 * Wakes lanes for what has just been stored, where something can wake them. Whatever fails costs at most the minute until
 * the next sweep.
 * @returns whether they are awake
 */
export async function wakeLanes(context: Context, accounts: readonly string[]): Promise<boolean> {
  const temporal = await reachedTemporal(context);
  if (temporal === undefined) return false;
  const { wakeLane } = await import('../control/index.js');
  try {
    for (const account of accounts) await wakeLane(temporal, account);
    return true;
  } catch {
    return false;
  }
}

async function open(context: Context, config: Config, runtime: Runtime): Promise<LedgerSession> {
  const { createPool, migrate } = await import('../ledger/index.js');
  await migrate(runtime.databaseUrl);
  const pool = createPool(runtime.databaseUrl, CONNECTIONS);
  // A server that hangs lets go of nothing: the command ends all the same.
  context.onClose(() => Promise.race([pool.end(), new Promise((resolve) => { setTimeout(resolve, LEAVE_MS).unref(); })]));
  return { config, runtime, pool };
}
