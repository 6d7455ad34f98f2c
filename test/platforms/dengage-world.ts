import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import pg from 'pg';
import { inject } from 'vitest';
import { loadConfig, type Config } from '../../src/config/index.js';
import { LiveConfig, startRun, type Orchestrator } from '../../src/control/index.js';
import { hostWorker, type WorkerHost } from '../../src/hosting/index.js';
import { createPool, migrate, runDocument, type Pool, type RunDocument, type RunOptions } from '../../src/ledger/index.js';
import { startSandbox, type DengageFaults, type Sandbox } from '../../src/sandbox/index.js';
import { run as runCli, type Ran } from '../cli/support.js';
import { createDatabase, suiteRuntime } from '../support/runtime.js';

export interface DengageWorldOptions {
  /** Milliseconds between two bulk calls, on both sides. @default 20 */
  readonly gap?: number;
  readonly faults?: DengageFaults;
  /** YAML added to the destination. */
  readonly destination?: string;
  /** @default true */
  readonly worker?: boolean;
  /** Region of all phones, in place of each contact's own country. */
  readonly defaultCountry?: string;
}

/** Two CRM tables, two syncs into one account of D·engage, a ledger and a worker: everything real, nothing shared. */
export interface DengageWorld {
  readonly config: Config;
  readonly pool: Pool;
  readonly crm: pg.Pool;
  readonly sandbox: Sandbox;
  readonly account: string;
  /** Holds the configuration file. */
  readonly directory: string;
  /** Sets the faults, beside the gap. */
  faults(faults: DengageFaults): void;
  host(): Promise<WorkerHost>;
  start(options?: Partial<RunOptions>, sync?: string): Promise<string>;
  /** Starts a run and waits for its end. */
  run(options?: Partial<RunOptions>, sync?: string): Promise<RunDocument>;
  until(run: string, reached: (document: RunDocument) => boolean): Promise<RunDocument>;
  /** History of the account's lane. */
  laneHistory(): ReturnType<WorkflowHandle['fetchHistory']>;
  /** A command line in the world's folder. */
  cli(...argv: readonly string[]): Promise<Ran>;
  close(): Promise<void>;
}

const TABLE = `(external_id text PRIMARY KEY, email text, phone text, first_name text, last_name text, city text, country text,
  locale text, opt_in boolean, sms_opt_in boolean, old_id text, updated_at timestamptz NOT NULL)`;

const source = (name: string, url: string, table: string, defaultCountry?: string): string => `  ${name}:
    type: postgres
    url: "${url}"
    table: public.${table}
    key: external_id
    updatedAt: updated_at
    ${defaultCountry === undefined ? '' : `defaultCountry: ${defaultCountry}`}
    fields: {email: email, phone: phone, locale: locale, emailConsent: opt_in, smsConsent: sms_opt_in, firstName: first_name, lastName: last_name,
      ${defaultCountry === undefined ? 'country: country, ' : ''}previousKey: old_id, attributes: [city, country]}`;

export async function createDengageWorld({ gap = 20, faults = {}, destination = '', worker = true, defaultCountry }: DengageWorldOptions = {}): Promise<DengageWorld> {
  const database = await createDatabase();
  const directory = mkdtempSync(path.join(os.tmpdir(), 'syncline-dengage-'));
  const sandbox = await startSandbox({ faults: { dengage: { gap, ...faults } } });
  const crm = new pg.Pool({ connectionString: database.url, max: 4 });
  // Its last connections may still be closing when the database is dropped under them.
  crm.on('error', () => undefined);
  await crm.query(`CREATE TABLE contacts ${TABLE}; CREATE INDEX ON contacts (updated_at, external_id);
    CREATE TABLE shoppers ${TABLE}; CREATE INDEX ON shoppers (updated_at, external_id)`);
  await migrate(database.url);
  const account = `loyalty-${randomBytes(4).toString('hex')}`;
  const taskQueue = `dengage-${randomBytes(6).toString('hex')}`;
  writeFileSync(path.join(directory, 'syncline.yaml'), `version: 1
database: {url: "${database.url}"}
temporal: {address: "${inject('temporalAddress')}", taskQueue: ${taskQueue}}
sources:
${source('crm', database.url, 'contacts', defaultCountry)}
${source('shop', database.url, 'shoppers', defaultCountry)}
destinations:
  loyalty:
    type: dengage
    baseUrl: ${sandbox.dengage.baseUrl}
    userkey: sandbox
    password: sandbox
    account: ${account}
    columns: {city: city, country: country, language: locale}
    ${destination.includes('limits') ? '' : `limits: {calls: 1, per: ${gap}ms, concurrency: 1, read: {calls: 1000, per: 1s}}`}
    settleDelay: 200ms
    linger: 1s
${destination.split('\n').filter((line) => line.trim() !== '').map((line) => `    ${line.trim()}`).join('\n')}
syncs:
  crm-loyalty: {source: crm, destination: loyalty}
  shop-loyalty: {source: shop, destination: loyalty}
`);
  const config = loadConfig({ cwd: directory, env: {} });
  const runtime = await suiteRuntime(database.url, { taskQueue });
  const pool = createPool(database.url, 8);
  const temporal: Orchestrator = { client: runtime.client, taskQueue: runtime.taskQueue, attributes: runtime.searchAttributes };
  const hosts: WorkerHost[] = [];
  const host = async (): Promise<WorkerHost> => {
    const made = await hostWorker({ config: new LiveConfig(config), runtime, directory, warn: () => undefined });
    hosts.push(made);
    return made;
  };
  if (worker) await host();
  const start: DengageWorld['start'] = async (options = {}, sync = 'crm-loyalty') =>
    (await startRun(pool, temporal, config, sync, { kind: 'incremental', ...options })).run;
  const until: DengageWorld['until'] = async (run, reached) => {
    for (;;) {
      const document = await runDocument(pool, run);
      if (document && reached(document)) return document;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    config, pool, crm, sandbox, account, directory, host, start, until,
    faults: (next) => { sandbox.dengage.setFaults({ gap, ...next }); },
    run: async (options, sync) => until(await start(options, sync), (document) => document.endedAt !== null),
    laneHistory: () => runtime.client.workflow.getHandle(`lane/${account}`).fetchHistory(),
    cli: (...argv) => runCli(argv, { cwd: directory }),
    close: async () => {
      await Promise.allSettled(hosts.map((one) => one.stop()));
      await pool.end();
      await crm.end();
      await runtime.close();
      await sandbox.close();
      await database.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes contacts PREFIX1…PREFIXcount, opted in to e-mail unless divisible by five, to SMS where divisible by three. */
export async function plantPeople(crm: pg.Pool, count: number, prefix = 'c', table = 'contacts'): Promise<void> {
  await crm.query(
    `INSERT INTO ${table} SELECT $2 || i, $2 || i || '@Example.com', '+1425' || lpad((2000000 + i)::text, 7, '0'), 'First', 'Last', 'Oslo', 'US',
       (ARRAY['en', 'fr', 'de'])[1 + i % 3], i % 5 <> 0, i % 3 = 0, NULL, timestamptz '2025-01-01' + i * interval '1 second' FROM generate_series(1, $1) i`,
    [count, prefix],
  );
}

/** Changes one contact, now. @param set SQL */
export async function change(crm: pg.Pool, key: string, set: string): Promise<void> {
  await crm.query(`UPDATE contacts SET ${set}, updated_at = clock_timestamp() WHERE external_id = $1`, [key]);
}
