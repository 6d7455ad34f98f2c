import { randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { inject } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { normalisePhone } from '../../src/contacts/index.js';
import { LiveConfig, startRun } from '../../src/control/index.js';
import { hostWorker, serve } from '../../src/hosting/index.js';
import { createPool, migrate, runDocument, transaction, type Pool, type RunDocument, type RunOptions } from '../../src/ledger/index.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';
import { createDatabase, suiteRuntime } from '../support/runtime.js';
import { run as runCommand, type Ran } from '../cli/support.js';

/** YAML that makes the configuration; each may be given anew while the worker runs. */
export interface Settings {
  /** Lines of the destination `sms`. */
  readonly destination?: string;
  /** Lines of the source. */
  readonly source?: string;
  /** A second destination of the account, with a sync of its own: its lines. */
  readonly second?: string;
  readonly webhooks?: boolean;
}

/** A CRM table, a MainBrainer, a ledger, a worker with its webhooks: everything real, nothing shared with another test. */
export interface SmsWorld {
  readonly pool: Pool;
  readonly crm: pg.Pool;
  readonly sandbox: Sandbox['mainbrainer'];
  /** Of the configuration as it is now. */
  account(): string;
  /** Where webhooks arrive. */
  readonly url: string;
  /** Writes the configuration anew, the whole of it. */
  configure(settings: Settings): void;
  /** Forgets everything: an empty CRM, platform and ledger, an account nobody has used, this configuration. */
  fresh(settings?: Settings): Promise<void>;
  start(sync?: string, options?: Partial<RunOptions>): Promise<string>;
  until(run: string, reached: (document: RunDocument) => boolean): Promise<RunDocument>;
  /** Runs a sync to its end. */
  run(sync?: string, options?: Partial<RunOptions>): Promise<RunDocument>;
  cli(...argv: readonly string[]): Promise<Ran>;
  json<T>(...argv: readonly string[]): Promise<Ran & { readonly document: T }>;
  /** What of the CRM does not stand at the platform as it should, and the other way round; empty: equal row by row. */
  unlike(but?: ReadonlySet<string>): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** What the destinations say unless they are told otherwise. */
const USUAL = [
  'limits: {calls: 100000, per: 1s, concurrency: 8}', 'settleDelay: 300ms', 'linger: 100ms', 'batchSize: 100', 'properties: {city: city, locale: locale}',
] as const;

/** @param options.worker false: none, so that whatever waits stays waiting */
export async function createSmsWorld(options: { readonly worker?: boolean } = {}): Promise<SmsWorld> {
  const database = await createDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'syncline-sms-'));
  const server = await startSandbox();
  const sandbox = server.mainbrainer;
  const taskQueue = `sms-${randomBytes(6).toString('hex')}`;
  let account = '';
  const crm = new pg.Pool({ connectionString: database.url, max: 4 });
  // Its last connections may still be closing when the database is dropped under them.
  crm.on('error', () => undefined);
  await crm.query(`CREATE TABLE contacts (external_id text PRIMARY KEY, email text, phone text, first_name text, city text, postal_code text, state text,
    country text, locale text, opt_in boolean, updated_at timestamptz NOT NULL, sms boolean, old_id text)`);
  await migrate(database.url);
  let url = '';
  const destination = (name: string, given: string, webhooks: boolean): string => [
    `  ${name}:`,
    ...['type: mainbrainer', `baseUrl: ${sandbox.baseUrl}`, 'userName: sandbox@example.com', 'password: sandbox', 'privateToken: sandbox', `account: ${account}`].map(indented),
    ...USUAL.filter((line) => !given.includes(line.split(' ')[0] as string)).map(indented),
    ...(webhooks ? [`    webhookUrl: ${url}/webhooks/${name}`] : []),
    ...given.split('\n').filter((line) => line.trim() !== '').map(indented),
  ].join('\n');
  const configure = ({ destination: given = '', source = '', second, webhooks = false }: Settings): void => {
    writeFileSync(join(folder, 'syncline.yaml'), `version: 1
database: {url: "${database.url}"}
temporal: {address: "${inject('temporalAddress')}", taskQueue: ${taskQueue}}
sources:
  crm:
    type: postgres
    url: "${database.url}"
    table: public.contacts
    key: external_id
    updatedAt: updated_at
    fields: {email: email, phone: phone, locale: locale, emailConsent: opt_in, smsConsent: sms, country: country, firstName: first_name, previousKey: old_id, attributes: [city]}
${source.split('\n').map(indented).join('\n')}
destinations:
${destination('sms', given, webhooks)}
${second === undefined ? '' : destination('second', second, webhooks)}
syncs:
  crm-sms: {source: crm, destination: sms}
${second === undefined ? '' : '  crm-second: {source: crm, destination: second}'}
`);
  };
  const newAccount = (): void => { account = `acme-${randomBytes(4).toString('hex')}`; };
  newAccount();
  configure({});
  const config = (): ReturnType<typeof loadConfig> => loadConfig({ cwd: folder, env: {} });
  const live = new LiveConfig(config());
  const runtime = await suiteRuntime(database.url, { taskQueue });
  const pool = createPool(database.url, 8);
  const temporal = { client: runtime.client, taskQueue, attributes: runtime.searchAttributes };
  const host = options.worker === false ? undefined : await hostWorker({ config: live, runtime, directory: folder, warn: () => undefined });
  const served = await serve({ at: { port: 0, host: '127.0.0.1' }, pool, config: live, temporal, lives: () => true, temporalAnswers: () => Promise.resolve(true) });
  url = served.url;
  const until: SmsWorld['until'] = async (run, reached) => {
    for (;;) {
      const document = await runDocument(pool, run);
      if (document && reached(document)) return document;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  const start: SmsWorld['start'] = async (sync = 'crm-sms', run = {}) => (await startRun(pool, temporal, config(), sync, { kind: 'incremental', ...run })).run;
  const cli: SmsWorld['cli'] = (...argv) => runCommand(argv, { cwd: folder });
  return {
    pool, crm, sandbox, url, configure, start, until, cli,
    account: () => account,
    fresh: async (settings = {}) => {
      newAccount();
      configure(settings);
      sandbox.reset();
      await crm.query('TRUNCATE contacts');
      const { rows } = await pool.query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'syncline' AND tablename NOT IN ('migration', 'installation')`);
      // The worker's sweep reads the same tables in its own order meanwhile: whoever loses the deadlock tries again.
      await transaction(pool, (connection) => connection.query(`TRUNCATE ${rows.map(({ name }) => name).join(', ')} CASCADE`));
    },
    run: async (sync, run) => until(await start(sync, run), (document) => document.endedAt !== null),
    json: async (...argv) => {
      const ran = await cli(...argv, '--json');
      return { ...ran, document: JSON.parse(ran.out) };
    },
    unlike: async (but = new Set()) => {
      const { rows } = await crm.query<CrmRow>('SELECT * FROM contacts');
      return differences(rows.filter((row) => !but.has(row.external_id)), sandbox.contacts());
    },
    close: async () => {
      await served.close();
      await host?.stop();
      await pool.end();
      await crm.end();
      await runtime.close();
      await server.close();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const indented = (line: string): string => `    ${line.trim()}`;

/** A contact as the CRM's table has it. */
export interface CrmRow {
  readonly external_id: string;
  readonly email: string | null;
  readonly phone: string | null;
  readonly first_name: string | null;
  readonly city: string | null;
  readonly country: string | null;
  readonly locale: string | null;
  readonly opt_in: boolean | null;
  readonly sms: boolean | null;
}

/** Compares by the pair; written apart from the connector's own mapping, so that a fault in that one shows. */
function differences(rows: readonly CrmRow[], held: Iterable<Record<string, unknown>>): string[] {
  const found: string[] = [];
  const expected = new Map(rows.map((row): [string, string] => {
    const mobile = row.phone === null ? '' : (normalisePhone(row.phone, row.country) ?? '').slice(1);
    const properties = { city: row.city ?? '', firstname: row.first_name ?? '', locale: row.locale ?? '' };
    return [`${mobile}|${row.email?.toLowerCase() ?? ''}`, JSON.stringify([row.opt_in, row.sms, properties])];
  }));
  const left = new Set(expected.keys());
  for (const { mobileCountryCode, mobileNumber, email, emailOptIn, mobileOptIn, properties } of held) {
    const pair = `${String(mobileCountryCode ?? '')}${String(mobileNumber ?? '')}|${String(email ?? '')}`;
    const { city = '', firstname = '', locale = '' } = properties as Record<string, string>;
    const state = JSON.stringify([emailOptIn, mobileOptIn, { city, firstname, locale }]);
    if (!left.delete(pair)) found.push(`${expected.has(pair) ? 'second' : 'unexpected'} ${pair}`);
    else if (expected.get(pair) !== state) found.push(`different ${pair}: ${state}, not ${String(expected.get(pair))}`);
  }
  return [...found, ...[...left].map((pair) => `missing ${pair}`)];
}

/** Fills the CRM with the sample contacts; of some the consent is not known. */
export async function loadSample(crm: pg.Pool): Promise<void> {
  const client = await crm.connect();
  try {
    const columns = 'external_id, email, phone, first_name, city, postal_code, state, country, locale, opt_in, updated_at';
    const file = new URL('../../data/adventureworks-contacts.csv', import.meta.url);
    await pipeline(createReadStream(file), client.query(copyFrom(`COPY contacts (${columns}) FROM STDIN (FORMAT csv, HEADER true)`)));
    await client.query('UPDATE contacts SET opt_in = NULL WHERE external_id::int % 7 = 0');
    await client.query('UPDATE contacts SET sms = external_id::int % 3 = 0 WHERE external_id::int % 5 < 3');
  } finally {
    client.release();
  }
}

/** Makes contacts 1…count, each with a mobile of its own; one of five has not opted in, one of ten did not say. */
export async function plant(crm: pg.Pool, count: number): Promise<void> {
  await crm.query(
    `INSERT INTO contacts (external_id, email, phone, first_name, city, country, locale, opt_in, sms, updated_at)
     SELECT i::text, 'person' || i || '@example.com', '+1212' || lpad((5550000 + i)::text, 7, '0'), 'Person', 'Oslo', 'US', 'en',
       CASE WHEN i % 10 = 0 THEN NULL ELSE i % 5 <> 0 END, i % 2 = 0, '2025-01-01'::timestamptz + i * interval '1 second' FROM generate_series(1, $1) i`,
    [count],
  );
}

export const change = (crm: pg.Pool, set: string, where: string): Promise<unknown> => crm.query(`UPDATE contacts SET ${set}, updated_at = now() WHERE ${where}`);
