import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ulid } from 'ulid';
import type { Dependencies } from '../../activities/index.js';
import { watchAlerts } from '../alerts/index.js';
import type { Observer } from '../telemetry/index.js';
import { Connectors, heal, noticeRestoredAnywhere, orchestratorOf, tidy, workerName, type LiveConfig } from '../control/index.js';
import { addTotals, createPool, migrate } from '../ledger/index.js';
import { createWorker, isAlive, ownProcess, runWorker, type ProcessId, type Runtime } from '../runtime/index.js';

/** Milliseconds between sweeps that wake lanes and mark orphaned runs. */
const SWEEP_MS = 60_000;
/** The same after one that failed: a store that is just being started again. */
const SWEEP_AGAIN_MS = 2_000;
/** Connections: calls at once, staging, books and the lease, with some room. */
const CONNECTIONS = 16;

export interface HostOptions {
  readonly config: LiveConfig;
  readonly runtime: Runtime;
  /** The folder of the configuration file: where the worker is announced to other commands. */
  readonly directory: string;
  /** Something went wrong that passes by itself; a line in words. */
  readonly warn: (line: string) => void;
  /** Is told what the worker does. @default nobody */
  readonly observer?: Observer;
  /** For tests: shorter windows, lower thresholds. */
  readonly tuning?: Pick<Dependencies, 'deliverWindowMs' | 'longWaitMs' | 'extractBudgetMs'> & { readonly alertsEveryMs?: number };
}

export interface WorkerHost {
  /** Settles when the worker has stopped; rejects when it failed. */
  readonly done: Promise<void>;
  /** `stopping`: activities under way come to their end; `stopped`: also where it failed. */
  readonly state: () => 'running' | 'stopping' | 'stopped';
  /** Whether it asks Temporal for work. */
  readonly polls: () => boolean;
  /** Lets activities end within their grace, then stops. */
  stop(): Promise<void>;
}

/** Starts a worker in this process: migrates the ledger, heals what is orphaned, sweeps every minute. */
export async function hostWorker(options: HostOptions): Promise<WorkerHost> {
  const { runtime, config } = options;
  // Loaded here: who only starts a run beside a living worker has no use for it.
  const { createActivities, tellEnded } = await import('../../activities/index.js');
  await migrate(runtime.databaseUrl);
  const pool = createPool(runtime.databaseUrl, CONNECTIONS);
  const connectors = new Connectors();
  const temporal = orchestratorOf(runtime);
  const stopping = new AbortController();
  const activities = createActivities({ stopping: stopping.signal, pool, config, connectors, temporal, owner: workerName(), observer: options.observer, ...options.tuning });
  const worker = await createWorker({ runtime, activities });
  const running = runWorker(worker, stopping.signal);
  const forget = announce(options.directory);
  let timer: NodeJS.Timeout;
  let stopped = false;
  const sweep = async (starting: boolean): Promise<void> => {
    let healed = true;
    try {
      // First: lanes that are woken hold from then on, and no worker need have driven one since.
      await noticeRestoredAnywhere(pool, temporal, config);
      const { runs, closed } = await heal(pool, temporal, starting);
      await tellEnded(pool, options.observer, [...runs, ...closed]);
    } catch {
      healed = false;
      if (!stopped) options.warn('the ledger or Temporal does not answer; the sweep is tried again shortly');
    }
    // Apart: lanes are woken also while the configuration does not hold. What is left over now goes with the next sweep.
    if (healed && !stopped) await tidy(pool, config).catch(() => undefined);
    if (healed && !stopped) await addTotals(pool).catch(() => 0);
    if (!stopped) timer = setTimeout(() => { void sweep(starting && !healed); }, healed ? SWEEP_MS : SWEEP_AGAIN_MS);
  };
  void sweep(true);
  const alertsEveryMs = options.tuning?.alertsEveryMs;
  const watch = watchAlerts({ pool, temporal, config, ...(alertsEveryMs === undefined ? {} : { everyMs: alertsEveryMs }) });
  const done = running.finally(async () => {
    stopped = true;
    clearTimeout(timer);
    forget();
    await watch.stop();
    await connectors.close();
    await pool.end();
  });
  // Whoever waits for `done` learns of a failure; nobody need wait.
  done.catch(() => undefined);
  return {
    done,
    state: () => (stopped ? 'stopped' : stopping.signal.aborted ? 'stopping' : 'running'),
    polls: () => {
      const { workflowPollerState, activityPollerState } = worker.getStatus();
      return workflowPollerState === 'POLLING' && activityPollerState === 'POLLING';
    },
    stop: async () => {
      stopping.abort(new Error('the worker is stopping'));
      await done;
    },
  };
}

const announcements = (directory: string): string => path.join(directory, '.syncline', 'workers');

/** Leaves a note that a worker of this configuration lives here. @returns takes the note away */
function announce(directory: string): () => void {
  const folder = announcements(directory);
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${process.pid}-${ulid()}.json`);
  // In one step: a command that looks just now reads the whole note or none.
  writeFileSync(`${file}.new`, JSON.stringify(ownProcess()));
  renameSync(`${file}.new`, file);
  return () => { rmSync(file, { force: true }); };
}

/** Whether a worker of the configuration in `directory` lives on this machine. Notes of killed ones are removed. */
export function workerLives(directory: string): boolean {
  const folder = announcements(directory);
  let lives = false;
  for (const name of listOf(folder)) {
    const file = path.join(folder, name);
    if (isAlive(JSON.parse(readFileSync(file, 'utf8')) as ProcessId)) lives = true;
    else rmSync(file, { force: true });
  }
  return lives;
}

function listOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}
