import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { LiveConfig } from '../../src/control/index.js';
import { hostWorker, type WorkerHost } from '../../src/hosting/index.js';
import { createPool, type Pool, type RunDocument } from '../../src/ledger/index.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';
import { createDatabase, suiteRuntime } from '../support/runtime.js';
import { run, type Ran } from './support.js';

export interface CliWorld {
  readonly folder: string;
  readonly pool: Pool;
  readonly sandbox: Sandbox;
  readonly account: string;
  /** Runs a command line in the world's folder. */
  cli(...argv: readonly string[]): Promise<Ran>;
  /** The same with `--json`; the document and the exit code. */
  json<T = RunDocument>(...argv: readonly string[]): Promise<Ran & { readonly document: T }>;
  /** Replaces the CSV: lines without the header. */
  contacts(lines: readonly string[]): void;
  /** Starts the worker, which is not there by itself. */
  work(): Promise<WorkerHost>;
  /** Stops the sandbox, as a platform that is down; its address stays taken by nobody. */
  close(): Promise<void>;
}

/** So many contacts, opted in, one of five without a locale. */
export function people(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${String(i + 1)},person${String(i + 1)}@example.com,${i % 5 === 0 ? '' : 'en'},true,2025-01-01T00:00:00Z`);
}

/** A CSV, a sandbox, a ledger of its own and the suite's Temporal, with a configuration file beside them. */
export async function createCliWorld(options: { readonly sync?: string; readonly destination?: string; readonly alerts?: string } = {}): Promise<CliWorld> {
  const database = await createDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'syncline-cli-'));
  const sandbox = await startSandbox();
  const taskQueue = `cli-${randomBytes(6).toString('hex')}`;
  const account = `acme-${randomBytes(4).toString('hex')}`;
  const contacts = (lines: readonly string[]): void => {
    writeFileSync(join(folder, 'contacts.csv'), ['id,email,locale,opt_in,updated_at', ...lines, ''].join('\n'));
  };
  contacts(people(25));
  writeFileSync(join(folder, 'syncline.yaml'), `version: 1
database: {url: "${database.url}"}
temporal: {address: "${inject('temporalAddress')}", taskQueue: ${taskQueue}}
sources:
  export: {type: csv, path: ./contacts.csv, key: id, updatedAt: updated_at, fields: {email: email, locale: locale, emailConsent: opt_in}}
destinations:
  newsletter:
    type: mailingcore
    baseUrl: ${sandbox.mailingcore.baseUrl}
    apiKey: mc_test_key
    tenantId: tenant-1
    account: ${account}
    batchSize: 10
    limits: {calls: 100000, per: 1s, concurrency: 4}
    settleDelay: 1s
${options.destination ?? ''}
syncs:
  crm:
    source: export
    destination: newsletter
${options.sync ?? ''}
${options.alerts ?? ''}
`);
  const pool = createPool(database.url, 4);
  const runtime = await suiteRuntime(database.url, { taskQueue });
  const hosts: WorkerHost[] = [];
  const cli = (...argv: readonly string[]): Promise<Ran> => run(argv, { cwd: folder });
  return {
    folder, pool, sandbox, account, contacts, cli,
    json: async (...argv) => {
      const ran = await cli(...argv, '--json');
      return { ...ran, document: JSON.parse(ran.out) };
    },
    work: async () => {
      const config = loadConfig({ cwd: folder, env: {} });
      const host = await hostWorker({ config: new LiveConfig(config), tuning: { alertsEveryMs: 200 }, runtime, directory: folder, warn: () => undefined });
      hosts.push(host);
      return host;
    },
    close: async () => {
      await Promise.allSettled(hosts.map((host) => host.stop()));
      await pool.end();
      await runtime.close();
      await sandbox.close();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
