import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { openRuntime, type Runtime } from '../src/runtime/index.js';
import { command, type Command } from './processes.js';

/** Embedded services, a CRM's connection and a sandbox process, in a folder of their own. */
export interface Installation {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly crm: pg.Client;
  readonly sandbox: Command;
  /** Of the sandbox, for its control routes. */
  readonly url: string;
  /** MailingCore's base URL there. */
  readonly baseUrl: string;
  /** Sets the sandbox's faults. */
  faults(faults: object): Promise<void>;
  /** Starts a command that is stopped at the end. */
  start(args: readonly string[]): Command;
}

/** Runs `work` in a fresh installation and takes everything away afterwards. */
export async function withInstallation(work: (installation: Installation) => Promise<void>): Promise<void> {
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
  try {
    await crm.connect();
    const sandbox = start(['sandbox', '--port', '0', '--json']);
    const { platforms, url } = JSON.parse(await sandbox.line(/^\{.*\}$/m)) as { url: string; platforms: { mailingcore: { baseUrl: string } } };
    const faults = async (wanted: object): Promise<void> => {
      await fetch(`${url}/_control/faults`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(wanted) });
    };
    await work({ directory, runtime, crm, sandbox, url, baseUrl: platforms.mailingcore.baseUrl, faults, start });
  } finally {
    for (const one of started) one.child.kill('SIGINT');
    await Promise.all(started.map((one) => one.ended));
    await crm.end();
    await runtime.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
