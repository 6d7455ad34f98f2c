import { randomBytes } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import pg from 'pg';
import { parseConfig, type Config } from '../../src/config/index.js';
import { idsOf, LiveConfig, orchestratorOf, startRun, type Orchestrator } from '../../src/control/index.js';
import { hostWorker, type WorkerHost } from '../../src/hosting/index.js';
import { createPool, migrate, runDocument, type Pool, type RunDocument, type RunOptions } from '../../src/ledger/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createDatabase, suiteRuntime } from './runtime.js';

export interface WorldOptions {
  /** YAML added to the destination `newsletter`, two levels deep. */
  readonly destination?: string;
  /** YAML added to the sync. */
  readonly sync?: string;
  /** YAML added to the source. */
  readonly source?: string;
  /** YAML added to the source's fields: `, name: column`. */
  readonly fields?: string;
  /** YAML of more sources, destinations and syncs, each two levels deep (`name:` and its keys below). */
  readonly more?: (places: { readonly databaseUrl: string; readonly sandboxUrl: string }) => { readonly sources?: string; readonly destinations?: string; readonly syncs?: string };
  /** Lines of `temporal`, by which an installation keeps itself apart. By default a task queue of its own. */
  readonly temporal?: string;
  /** By default one of its own. */
  readonly account?: string;
  readonly worker?: boolean;
  /** The ledger has a database of its own, without the CRM: it can be replaced. */
  readonly apart?: boolean;
  /** Where the destination is called instead of at the sandbox. */
  readonly through?: (sandboxUrl: string) => Promise<string>;
  readonly tuning?: { readonly deliverWindowMs?: number; readonly longWaitMs?: number; readonly extractBudgetMs?: number };
}

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** A CRM table, a MailingCore, a ledger, a worker: everything real, nothing shared with another test. */
export interface World {
  readonly config: Config;
  readonly pool: Pool;
  readonly crm: pg.Pool;
  readonly sandbox: Sandbox;
  readonly runtime: Runtime;
  readonly temporal: Orchestrator;
  readonly databaseUrl: string;
  readonly directory: string;
  host(): Promise<WorkerHost>;
  /** Histories of the run's workflow and of its account's lane. */
  histories(run: string): Promise<readonly History[]>;
  /** Starts a run of a sync (by default `crm-newsletter`) and waits for its end. */
  run(options?: Partial<RunOptions>, sync?: string): Promise<RunDocument>;
  /** Waits until `reached` holds for the run. */
  until(run: string, reached: (document: RunDocument) => boolean): Promise<RunDocument>;
  close(): Promise<void>;
}

const indent = (text: string | undefined, by: number): string =>
  (text ?? '').split('\n').filter((line) => line.trim() !== '').map((line) => ' '.repeat(by) + line).join('\n');

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const database = await createDatabase();
  const directory = mkdtempSync(path.join(os.tmpdir(), 'syncline-world-'));
  const apart = options.apart === true ? await createDatabase() : undefined;
  const ledgerUrl = apart?.url ?? database.url;
  const sandbox = await startSandbox();
  const platformUrl = (await options.through?.(sandbox.url)) ?? sandbox.url;
  const crm = new pg.Pool({ connectionString: database.url, max: 4 });
  // Its last connections may still be closing when the database is dropped under them.
  crm.on('error', () => undefined);
  await crm.query(`CREATE TABLE contacts (external_id text PRIMARY KEY, email text, phone text, first_name text, city text, country text,
    locale text, opt_in boolean, updated_at timestamptz NOT NULL, consent_at timestamptz)`);
  await crm.query('CREATE INDEX ON contacts (updated_at, external_id)');
  await migrate(ledgerUrl);
  const file = path.join(directory, 'syncline.yaml');
  const more = options.more?.({ databaseUrl: database.url, sandboxUrl: sandbox.url });
  const config = parseConfig(
    `version: 1
database: {url: "${ledgerUrl}"}
temporal: {${options.temporal ?? `taskQueue: test-${randomBytes(6).toString('hex')}`}}
sources:
  crm:
    type: postgres
    url: "${database.url}"
    table: public.contacts
    key: external_id
    updatedAt: updated_at
    fields: {email: email, phone: phone, locale: locale, emailConsent: opt_in, country: country, firstName: first_name, attributes: [city]${options.fields ?? ''}}
${indent(options.source, 4)}
${indent(more?.sources, 2)}
destinations:
  newsletter:
    type: mailingcore
    baseUrl: ${platformUrl}/mailingcore
    apiKey: mc_test_key
    tenantId: tenant-1
    account: ${options.account ?? `acme-${randomBytes(4).toString('hex')}`}
${options.destination?.includes('limits') ? '' : '    limits: {calls: 100000, per: 1s, concurrency: 4}'}
${indent(options.destination, 4)}
${indent(more?.destinations, 2)}
syncs:
  crm-newsletter:
    source: crm
    destination: newsletter
${indent(options.sync, 4)}
${indent(more?.syncs, 2)}
`,
    { file, shown: 'syncline.yaml', env: {} },
  );
  const runtime = await suiteRuntime(ledgerUrl, config.temporal);
  const pool = createPool(ledgerUrl, 8);
  const temporal = orchestratorOf(runtime);
  const hosts: WorkerHost[] = [];
  const host = async (): Promise<WorkerHost> => {
    const made = await hostWorker({
      config: new LiveConfig(config), runtime, directory, warn: () => undefined, ...(options.tuning === undefined ? {} : { tuning: options.tuning }),
    });
    hosts.push(made);
    return made;
  };
  if (options.worker !== false) await host();
  const until: World['until'] = async (run, reached) => {
    for (;;) {
      const document = await runDocument(pool, run);
      if (document && reached(document)) return document;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    config, pool, crm, sandbox, runtime, temporal, databaseUrl: ledgerUrl, directory, host, until,
    histories: async (run) => {
      const account = config.destinations['newsletter']?.account ?? '';
      const found: History[] = [];
      for (const id of [idsOf(temporal).sync('crm-newsletter', run), idsOf(temporal).lane(account)]) {
        for await (const { workflowId, runId } of runtime.client.workflow.list({ query: `WorkflowId = '${id}'` })) {
          found.push(await runtime.client.workflow.getHandle(workflowId, runId).fetchHistory());
        }
      }
      return found;
    },
    run: async (run = {}, sync = 'crm-newsletter') => {
      const started = await startRun(pool, temporal, config, sync, { kind: 'incremental', ...run });
      return until(started.run, (document) => document.endedAt !== null);
    },
    close: async () => {
      await Promise.allSettled(hosts.map((one) => one.stop()));
      await pool.end();
      await crm.end();
      await runtime.close();
      await sandbox.close();
      await database.drop();
      await apart?.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes contacts 1…count in the CRM, opted in unless divisible by five. */
export async function plantContacts(crm: pg.Pool, count: number, at = '2025-01-01'): Promise<void> {
  await crm.query(
    `INSERT INTO contacts SELECT i::text, 'person' || i || '@example.com', NULL, 'Person', 'Oslo', 'US', (ARRAY['en', 'fr', 'de'])[1 + i % 3], i % 5 <> 0,
       $2::timestamptz + i * interval '1 second' FROM generate_series(1, $1) i`,
    [count, at],
  );
}
