import { loadConfig, type Config } from '../config/index.js';
import { LiveConfig, orchestratorOf, type Orchestrator } from '../control/index.js';
import { hostWorker } from '../hosting/index.js';
import { createPool, type Pool } from '../ledger/index.js';
import { openRuntime, type Runtime } from '../runtime/index.js';
import { startSandbox, type Sandbox } from '../sandbox/index.js';
import { writeConfig } from './config-file.js';
import { createCrm, Crm } from './crm.js';
import { makeFolder, sampleFile, sweepFolders } from './folder.js';

/** Everything the demo runs on, in a folder of its own. */
export interface DemoWorld {
  readonly directory: string;
  readonly config: Config;
  readonly runtime: Runtime;
  readonly pool: Pool;
  readonly temporal: Orchestrator;
  readonly sandbox: Sandbox;
  readonly crm: Crm;
  /** Keys of the contacts loaded, in numerical order. */
  readonly keys: readonly string[];
  /** Stops everything and removes the folder. */
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

/**
 * Starts Postgres, Temporal, the sandbox and a worker, and fills the CRM.
 * @throws RuntimeError, the signal's reason; what had been started is stopped again
 */
export async function openWorld({ env, signal, report }: WorldOptions): Promise<DemoWorld> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  const opened = <T>(thing: T, closer: () => unknown): T => {
    closers.push(closer);
    signal.throwIfAborted();
    return thing;
  };
  try {
    await sweepFolders();
    const folder = makeFolder();
    const { directory } = opened(folder, folder.remove);
    // A demo has servers of its own, whatever else this machine is set up to use.
    const own = { ...env, TEMPORAL_ADDRESS: '' };
    const started = await openRuntime({ directory, database: null, temporal: { address: null, namespace: 'default', taskQueue: 'syncline' }, report, env: own });
    const runtime = opened(started, started.close);
    const platform = await startSandbox();
    const sandbox = opened(platform, platform.close);
    report('loading the sample contacts');
    const crmUrl = await createCrm(runtime.databaseUrl);
    const table = Crm.connect(crmUrl);
    const crm = opened(table, () => table.close());
    const keys = await crm.load(sampleFile());

    const file = writeConfig(directory, crmUrl, sandbox);
    const config = loadConfig({ path: file, cwd: directory, env: own });
    const host = await hostWorker({ config: new LiveConfig(config), runtime, directory, warn: report });
    opened(host, host.stop);
    const connections = createPool(runtime.databaseUrl, 4);
    const pool = opened(connections, () => connections.end());
    const temporal = orchestratorOf(runtime);
    return { directory, config, runtime, pool, temporal, sandbox, crm, keys, close };
  } catch (error) {
    await close();
    throw error;
  }
}
