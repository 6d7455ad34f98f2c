import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseConfig, type Config, type DestinationConfig } from '../../src/config/index.js';
import { asksOptOuts, readOptOuts, registerSync, type OptOutsReport } from '../../src/control/index.js';
import { createDestination } from '../../src/destinations/index.js';
import { createPool, learnOptOuts, migrate, optOutsRead, type Pool, type SyncIds } from '../../src/ledger/index.js';
import { tenantThat, type Answering, type Tenant } from '../destinations/mailingcore/tenant.js';
import { createDatabase, type TestDatabase } from '../support/runtime.js';

let database: TestDatabase;
let pool: Pool;
let config: Config;
let ids: SyncIds;
let tenant: Tenant;
/** What the platform answers just now. */
let answering: Answering;

const entry = (n: number): object => ({ email: `p${n}@example.com`, reason: 'unsubscribed', createdAt: '2026-01-01T00:00:00Z' });
const listing = (...entries: readonly object[]): Answering => ({ path }) => [200, { data: path === '/suppressions' ? entries : [], meta: { totalPages: 1 } }];

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.url);
  pool = createPool(database.url, 4);
  tenant = await tenantThat((call) => answering(call));
  config = parseConfig(`version: 1
sources:
  crm: {type: csv, path: ./contacts.csv, key: id, fields: {email: email}}
destinations:
  news: {type: mailingcore, apiKey: k, tenantId: t, limits: {calls: 100000, per: 1s, concurrency: 4}}
  points: {type: dengage, userkey: u, password: p}
syncs:
  one: {source: crm, destination: news}
`, { file: '/nowhere/syncline.yaml', shown: 'syncline.yaml', env: {} });
  ids = await registerSync(pool, config, 'one');
});
afterAll(async () => {
  await tenant?.close();
  await pool?.end();
  await database?.drop();
});
beforeEach(async () => {
  await pool.query('TRUNCATE suppression, webhook_delivery CASCADE');
  await pool.query('UPDATE destination SET opt_outs_to = NULL, opt_outs_read_at = NULL');
});

type Reading = 'beforeRun' | 'never' | { readonly every: number };
const news = (read: Reading): DestinationConfig => ({ ...config.destinations['news'], suppressions: { read } }) as DestinationConfig;
const ask = (read: Reading = 'beforeRun', pages: number[] = []): Promise<OptOutsReport> =>
  readOptOuts({ pool, config: news(read), destination: tenant.destination, ids, signal: AbortSignal.timeout(10_000), onPage: (told) => { pages.push(told); } });
const known = async (): Promise<number> => (await pool.query<{ known: number }>('SELECT count(*) AS known FROM suppression')).rows[0]?.known ?? 0;

test('whoever opted out there is known afterwards, and is no news the next time', async () => {
  answering = listing(entry(1), entry(2));
  const pages: number[] = [];
  expect(await ask('beforeRun', pages)).toEqual({ asked: true, told: 2, learned: 2, queued: 0, accounts: [] });
  expect(pages).toEqual([2]);
  expect(await ask()).toMatchObject({ asked: true, told: 2, learned: 0 });
  expect(await known()).toBe(2);
});

test('every: the platform is asked again only when the last reading is that old', async () => {
  answering = listing();
  const read = { every: 3_600_000 };
  expect(await ask(read)).toMatchObject({ asked: true });
  expect(await ask(read)).toMatchObject({ asked: false });
  await pool.query(`UPDATE destination SET opt_outs_read_at = opt_outs_read_at - interval '61 minutes'`);
  expect(await ask(read)).toMatchObject({ asked: true });
  expect(await ask('beforeRun')).toMatchObject({ asked: true });
});

test('never, and a platform that cannot be asked, make no call', async () => {
  const before = tenant.calls.length;
  expect(await ask('never')).toMatchObject({ asked: false });
  expect(tenant.calls).toHaveLength(before);
  const points = config.destinations['points'] as DestinationConfig;
  expect(asksOptOuts(points, createDestination(points))).toBe(false);
  expect(asksOptOuts(news('never'), tenant.destination)).toBe(false);
  expect(asksOptOuts(news('beforeRun'), tenant.destination)).toBe(true);
});

test('a reading that ends in its midst keeps what it learned and is made again in whole', async () => {
  answering = ({ path, query }) => (path === '/suppressions' && query['page'] === '1' ? [200, { data: [entry(1)], meta: { totalPages: 3 } }] : [500, {}]);
  await expect(ask()).rejects.toMatchObject({ name: 'DestinationError', kind: 'unreachable' });
  expect(await known()).toBe(1);
  expect(await optOutsRead(pool, ids.destinationId)).toMatchObject({ to: null, ageMs: null });
  answering = listing(entry(1), entry(2));
  expect(await ask({ every: 3_600_000 })).toMatchObject({ asked: true, learned: 1 });
});

test('changes are asked for from a quarter of an hour before the last reading, for clocks differ', async () => {
  answering = listing();
  await ask();
  const { to } = await optOutsRead(pool, ids.destinationId);
  await ask();
  const since = new URL(`http://x${tenant.calls.at(-1)?.split(' ')[1] ?? ''}`).searchParams.get('updatedSince') ?? '';
  expect(Date.parse(to ?? '') - Date.parse(since)).toBeGreaterThanOrEqual(15 * 60_000);
  expect(Date.parse(to ?? '') - Date.parse(since)).toBeLessThan(16 * 60_000);
});

test('a webhook heard before the first run is not lost on it', async () => {
  await learnOptOuts(pool, { destination: { name: 'news', account: 'a' }, origin: 'webhook', delivery: 'dlv_1' }, [
    { key: 'crm-1', email: 'p1@example.com', channel: 'email', at: '2026-01-01T00:00:00.000Z', evidence: 'act', reason: 'unsubscribed' },
  ]);
  answering = listing();
  expect(await ask()).toMatchObject({ learned: 0 });
  expect(await known()).toBe(1);
});
