import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { onShutdown, openRuntime, type Runtime } from '../src/runtime/index.js';
import type { PlatformName } from './platforms.js';
import { command, type Command } from './processes.js';

/** Embedded services, a CRM's connection and a sandbox process, in a folder of their own. */
export interface Installation {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly crm: pg.Client;
  readonly sandbox: Command;
  /** Of the sandbox, for its control routes. */
  readonly url: string;
  /** The platform's base URL there. */
  readonly baseUrl: string;
  /** Sets the faults of the platform's sandbox. */
  faults(faults: object): Promise<void>;
  /** Starts a command that is stopped at the end. */
  start(args: readonly string[]): Command;
}

/** Runs `work` in a fresh installation for one platform and takes everything away afterwards. */
export async function withInstallation(platform: PlatformName, work: (installation: Installation) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'syncline-bench-'));
  const started: Command[] = [];
  const start = (args: readonly string[]): Command => {
    const one = command(args, directory);
    started.push(one);
    return one;
  };
  const runtime = await openRuntime({
    directory, database: null, temporal: { address: null, namespace: 'default', taskQueue: 'syncline' }, report: () => undefined,
    env: { ...process.env, TEMPORAL_ADDRESS: '' },
  });
  const crm = new pg.Client({ connectionString: runtime.databaseUrl });
  // What waits for them then fails, and everything is taken away below.
  const unheard = onShutdown(() => { for (const one of started) one.child.kill('SIGINT'); });
  try {
    await crm.connect();
    const sandbox = start(['sandbox', '--port', '0', '--json']);
    const { platforms, url } = JSON.parse(await sandbox.line(/^\{.*\}$/m)) as { url: string; platforms: Record<PlatformName, { baseUrl: string }> };
    const faults = async (wanted: object): Promise<void> => {
      const body = JSON.stringify({ [platform]: wanted });
      const { ok, status } = await fetch(`${url}/_control/faults`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (!ok) throw new Error(`the sandbox refused its faults (${status})`);
    };
    await work({ directory, runtime, crm, sandbox, url, baseUrl: platforms[platform].baseUrl, faults, start });
  } finally {
    for (const one of started) one.child.kill('SIGINT');
    await Promise.all(started.map((one) => one.ended));
    await crm.end();
    await runtime.close();
    rmSync(directory, { recursive: true, force: true });
    unheard();
  }
}
