import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig, type Config } from '../../../src/config/index.js';
import { Connectors, registerRun } from '../../../src/control/index.js';
import { extract } from '../../../src/extraction/index.js';
import { drive } from '../../../src/lanes/index.js';
import { audit, createPool, findRun, migrate, runDocument, type Pool, type RunDocument } from '../../../src/ledger/index.js';
import { startSandbox, type Sandbox } from '../../../src/sandbox/index.js';
import { clear } from '../../ledger/support.js';
import { createDatabase, type TestDatabase } from '../../support/runtime.js';

let database: TestDatabase;
let pool: Pool;
let sandbox: Sandbox;
let config: Config;
const connectors = new Connectors();
const SYNC = 'list-loyalty';

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.url);
  pool = createPool(database.url, 8);
  sandbox = await startSandbox();
  config = parseConfig(
    `version: 1
sources:
  list: {type: mailingcore, baseUrl: "${sandbox.mailingcore.baseUrl}", apiKey: mc_test_sandbox, tenantId: sandbox, limits: {calls: 100000, per: 1s}}
  renaming: {type: mailingcore, baseUrl: "${sandbox.mailingcore.baseUrl}", apiKey: mc_test_sandbox, tenantId: sandbox, limits: {calls: 100000, per: 1s}, fields: {previousKey: id}}
destinations:
  loyalty:
    type: dengage
    baseUrl: ${sandbox.dengage.baseUrl}
    userkey: sandbox
    password: sandbox
    columns: {city: city, segment: level, locale: locale}
    limits: {calls: 100000, per: 1s, concurrency: 1, read: {calls: 100000, per: 1s}}
syncs:
  ${SYNC}: {source: list, destination: loyalty}
  renaming: {source: renaming, destination: loyalty}
`,
    { file: '/nowhere/syncline.yaml', shown: 'syncline.yaml', env: {} },
  );
});
afterAll(async () => {
  await connectors.close();
  await pool.end();
  await sandbox.close();
  await database.drop();
});
beforeEach(async () => {
  await clear(pool);
  await pool.query('UPDATE sync SET state = NULL');
  sandbox.mailingcore.reset();
  sandbox.dengage.reset();
});

/** One run, read and delivered. */
async function run(kind: 'incremental' | 'full' = 'incremental', sync = SYNC): Promise<RunDocument> {
  const { run: id, account } = await registerRun(pool, config, sync, { kind }, (made) => `sync/${made}`);
  const { source, rules } = connectors.wire(config, sync);
  const signal = new AbortController().signal;
  await extract({ pool, source, rules, run: (await findRun(pool, id))!, budgetMs: 20_000, signal, onPage: () => undefined });
  const destination = connectors.destination(config.destinations['loyalty']!);
  const result = await drive({
    pool, account, owner: 'test', settleDelay: 300, windowMs: 20_000, longWaitMs: 3_000, signal, random: () => 0,
    driven: () => ({ destination, batchSize: 1000, linger: 0, timeout: 5_000, settleDelay: 300, limits: { calls: 100_000, per: 1_000, concurrency: 1 } }),
  });
  expect(result.next).toBe('idle');
  expect((await audit(pool, null)).runs.flatMap((one) => one.faults)).toEqual([]);
  await pool.query('UPDATE run SET ended_at = now() WHERE ended_at IS NULL');
  return (await runDocument(pool, id))!;
}

type Entry = Record<string, unknown>;
/** What D·engage should hold of a contact of MailingCore: the contract's table, reversed. */
const expected = (one: Entry): Entry => {
  const attributes = one['attributes'] as Entry;
  return {
    contact_key: one['externalId'] ?? one['id'], email: String(one['email']).toLowerCase(), gsm: attributes['phone'] ?? null, name: attributes['firstName'] ?? null,
    surname: attributes['lastName'] ?? null, city: attributes['city'] ?? null, segment: attributes['level'] ?? null, locale: one['locale'], email_permission: one['optIn'],
  };
};
const NAMES = ['contact_key', 'email', 'gsm', 'name', 'surname', 'city', 'segment', 'locale', 'email_permission'];
const sorted = (entries: readonly Entry[]): Entry[] => [...entries].sort((a, b) => (String(a['contact_key']) < String(b['contact_key']) ? -1 : 1));
const expectEqual = (): void => {
  const there = [...sandbox.dengage.contacts()].map((one) => Object.fromEntries(NAMES.map((name) => [name, (one as Entry)[name] ?? null])));
  expect(sorted(there)).toEqual(sorted([...sandbox.mailingcore.contacts()].map(expected)));
};

const person = (i: number): Entry => ({
  email: `person${i}@example.com`, ...(i % 10 === 0 ? {} : { externalId: `crm-${i}` }), locale: ['en', 'fr', null][i % 3], optIn: i % 4 !== 0,
  attributes: { ...(i % 2 === 0 && { phone: `+47412345${String(i).padStart(4, '0').slice(-2)}` }), firstName: `P${i}`, ...(i % 3 !== 0 && { city: 'Oslo' }), ...(i % 5 === 0 && { level: 'gold' }) },
});

describe.each(['cursor', 'page'] as const)('from MailingCore (paged by %s) to D·engage', (pagination) => {
  it('every contact arrives as it is there, and then what changed there, and nothing else', async () => {
    sandbox.mailingcore.setFaults({ pagination });
    sandbox.mailingcore.plant(Array.from({ length: 1_305 }, (_, i) => person(i + 1)));
    const first = await run();
    expect(first.counts).toMatchObject({ extracted: 1_305, queued: 1_305, delivered: 1_305, invalid: 0 });
    expectEqual();
    // Attributes that some contacts lack must not split the calls: D·engage takes one a minute.
    expect(sandbox.dengage.stats().bulkCalls).toBe(2);

    sandbox.mailingcore.suppress('person7@example.com');
    sandbox.mailingcore.plant([
      { ...person(2_000), externalId: 'crm-2000' }, { externalId: 'crm-11', email: 'Moved@example.com' },
      { externalId: 'crm-13', attributes: { city: null, firstName: 'New' } }, { externalId: 'crm-14', locale: 'de' }, { email: 'person20@example.com', optIn: true },
    ]);
    const second = await run();
    expect(second.counts).toMatchObject({ queued: 6, delivered: 6 });
    expectEqual();

    const third = await run('full');
    expect(third.counts).toMatchObject({ extracted: 1_306, unchanged: 1_306, queued: 0 });
    expect(third.cursor.to! <= new Date().toISOString()).toBe(true);
  }, 240_000);

  it('a run that is stopped after every page, each time taken up anew, loses nothing', async () => {
    sandbox.mailingcore.setFaults({ pagination });
    sandbox.mailingcore.plant(Array.from({ length: 2_600 }, (_, i) => person(i + 1)));
    const { run: id } = await registerRun(pool, config, SYNC, { kind: 'full' }, (made) => `sync/${made}`);
    for (let pieces = 1; ; pieces++) {
      const fresh = new Connectors();
      const { source, rules } = fresh.wire(config, SYNC);
      const { done } = await extract({ pool, source, rules, run: (await findRun(pool, id))!, budgetMs: 0, signal: new AbortController().signal, onPage: () => undefined });
      await fresh.close();
      if (!done) continue;
      expect(pieces).toBeGreaterThan(5);
      break;
    }
    const { rows } = await pool.query<{ key: string }>('SELECT DISTINCT key FROM outbox');
    expect(rows.map(({ key }) => key).sort()).toEqual([...sandbox.mailingcore.contacts()].map((one) => String((one as Entry)['externalId'] ?? (one as Entry)['id'])).sort());
  });
});

it('with `previousKey: id`, a contact that gets its externalId later stays one contact', async () => {
  sandbox.mailingcore.plant([person(10), person(11)]);
  await run('incremental', 'renaming');
  const [{ id }] = [...sandbox.mailingcore.contacts()] as [Entry];
  const answer = await fetch(`${sandbox.mailingcore.baseUrl}/contacts/${String(id)}`, {
    method: 'PATCH', headers: { authorization: 'Bearer mc_test_sandbox', 'x-tenant-id': 'sandbox', 'content-type': 'application/json' }, body: JSON.stringify({ externalId: 'crm-10' }),
  });
  expect(answer.status).toBe(200);
  await run('incremental', 'renaming');
  expect([...sandbox.dengage.contacts()].map((one) => (one as Entry)['contact_key']).sort()).toEqual(['crm-10', 'crm-11']);
  expectEqual();
});
