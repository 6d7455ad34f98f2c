import { afterEach, describe, expect, test, vi } from 'vitest';
import { audit, contactStory } from '../../src/ledger/index.js';
import { expectedSample, loadSample } from './dengage-sample.js';
import { change, createDengageWorld, plantPeople, type DengageWorld } from './dengage-world.js';

// Each takes a few seconds; beside other suites on a busy machine many times that.
vi.setConfig({ testTimeout: 240_000 });

let world: DengageWorld;
afterEach(async () => { await world.close(); });

/** What the platform has been sent since the log was read last. */
const sent = (): { readonly calls: number; readonly rows: readonly number[] } => {
  const { log } = world.sandbox.dengage.stats();
  const bulk = log.filter((call) => call.route.endsWith('/bulk/contacts'));
  return { calls: bulk.length, rows: bulk.map((call) => call.rows) };
};
const held = (key: string): Record<string, unknown> | undefined => world.sandbox.dengage.contact(key);

test('the sample contacts stand at D·engage row by row, consent included; a second run makes no call, and one in a hundred changed sends that one', async () => {
  world = await createDengageWorld({ gap: 200, defaultCountry: 'US' });
  const count = await loadSample(world.crm);
  const first = await world.run();
  expect(first.status).toBe('completed');
  expect(first.counts).toMatchObject({ extracted: count, queued: count, delivered: count, rejected: 0 });
  expect(first.warnings).toEqual({ 'phone: not possible for its country': 9_187 });
  expect(sent().rows).toEqual([...Array.from({ length: 19 }, () => 1_000), count - 19_000]);
  const isEqual = async (): Promise<void> => {
    const expected = await expectedSample(world.crm);
    const found = new Map([...world.sandbox.dengage.contacts()].map((contact) => [contact['contact_key'] as string, contact]));
    expect(found.size).toBe(count);
    for (const [key, contact] of expected) expect(found.get(key)).toEqual(contact);
    expect([...found.values()].filter((contact) => contact['language'] === null)).toHaveLength(1_198);
  };
  await isEqual();

  const second = await world.run();
  expect(second.counts).toMatchObject({ queued: 0 });
  expect(sent().calls).toBe(20);

  const { rowCount } = await world.crm.query(`UPDATE contacts SET city = 'Moved', updated_at = clock_timestamp() WHERE right(external_id, 2) = '07'`);
  const third = await world.run();
  expect(third.counts).toMatchObject({ queued: rowCount, delivered: rowCount });
  expect(sent().rows.slice(20)).toEqual([rowCount]);
  await isEqual();
  expect(world.sandbox.dengage.stats()).toMatchObject({ refused: 0, maxOpen: 1 });
  expect((await audit(world.pool, null)).balanced).toBe(true);
});

test('an opt-out made at D·engage outlives a change of city; a change of consent in the CRM arrives, either way', async () => {
  world = await createDengageWorld();
  await plantPeople(world.crm, 30);
  await world.run();
  expect(held('c3')).toMatchObject({ email_permission: true, gsm_permission: true });
  world.sandbox.dengage.optOut('c3');
  await change(world.crm, 'c3', `city = 'Bergen'`);
  expect((await world.run()).counts).toMatchObject({ queued: 1, delivered: 1 });
  expect(held('c3')).toMatchObject({ city: 'Bergen', email_permission: false, gsm_permission: false });
  await change(world.crm, 'c6', 'opt_in = false');
  expect((await world.run()).counts).toMatchObject({ queued: 1, delivered: 1 });
  expect(held('c6')).toMatchObject({ email_permission: false, gsm_permission: true });
  await change(world.crm, 'c6', 'opt_in = true');
  expect((await world.run()).counts).toMatchObject({ queued: 1, delivered: 1 });
  expect(held('c6')).toMatchObject({ email_permission: true, gsm_permission: true });
});

test.each(['error', 'omitted'] as const)('a contact that was deleted at D·engage is made again with the consent the CRM has, never with the default (told as %s)', async (absentAs) => {
  world = await createDengageWorld({ faults: { absentAs } });
  await plantPeople(world.crm, 10);
  await world.run();
  const kept = [...world.sandbox.dengage.contacts()].filter((contact) => contact['contact_key'] !== 'c5');
  world.sandbox.dengage.reset();
  world.faults({ absentAs });
  world.sandbox.dengage.plant(kept);
  await world.crm.query(`UPDATE contacts SET city = 'Bergen', updated_at = clock_timestamp() WHERE external_id IN ('c3', 'c5')`);
  const run = await world.run();
  expect(run.counts).toMatchObject({ queued: 2, delivered: 2, rejected: 0 });
  expect(sent().rows).toEqual([2, 1]);
  expect(held('c5')).toMatchObject({ city: 'Bergen', email_permission: false, gsm_permission: false });
  expect(held('c3')).toMatchObject({ city: 'Bergen', email_permission: true, gsm_permission: true });
});

describe('a change of key', () => {
  test('of somebody D·engage does not hold makes an ordinary contact', async () => {
    world = await createDengageWorld();
    await plantPeople(world.crm, 10);
    await world.run();
    const kept = [...world.sandbox.dengage.contacts()].filter((contact) => contact['contact_key'] !== 'c5');
    world.sandbox.dengage.reset();
    world.faults({});
    world.sandbox.dengage.plant(kept);
    await change(world.crm, 'c5', `external_id = 'n5', old_id = 'c5'`);
    await change(world.crm, 'c6', `external_id = 'n6', old_id = 'c6', opt_in = false`);
    await plantPeople(world.crm, 1, 'never');
    await change(world.crm, 'never1', `old_id = 'nobody'`);
    expect((await world.run()).counts).toMatchObject({ queued: 3, delivered: 3, rejected: 0 });
    expect([held('c5'), held('c6')]).toEqual([undefined, undefined]);
    expect(held('n5')).toMatchObject({ email_permission: false, gsm_permission: false });
    expect(held('n6')).toMatchObject({ email_permission: false, gsm_permission: true });
    expect(held('never1')).toMatchObject({ email_permission: true, gsm_permission: false });
    expect((await audit(world.pool, null)).balanced).toBe(true);
  });

  test('renames the contact there: its consent and its past stay, nobody is made beside it', async () => {
    world = await createDengageWorld();
    await plantPeople(world.crm, 30);
    await world.run();
    world.sandbox.dengage.optOut('c1', 'email');
    await change(world.crm, 'c1', `external_id = 'n1', old_id = 'c1', city = 'Moss'`);
    expect((await world.run()).counts).toMatchObject({ queued: 1, delivered: 1 });
    expect(held('c1')).toBeUndefined();
    expect(held('n1')).toMatchObject({ city: 'Moss', email: 'c1@example.com', email_permission: false });
    expect(world.sandbox.dengage.size()).toBe(30);
    // The source goes on saying who it was.
    await change(world.crm, 'n1', `city = 'Hamar'`);
    expect((await world.run()).counts).toMatchObject({ queued: 1, delivered: 1 });
    expect(held('n1')).toMatchObject({ city: 'Hamar', email_permission: false });
    expect((await world.run()).counts).toMatchObject({ queued: 0 });
    expect(world.sandbox.dengage.size()).toBe(30);
  });

  test('that was cut after it was stored is settled by looking the new keys up, and not sent again', async () => {
    world = await createDengageWorld();
    await plantPeople(world.crm, 30);
    await world.run();
    await world.crm.query(`UPDATE contacts SET old_id = external_id, external_id = 'n' || external_id, updated_at = clock_timestamp() WHERE external_id IN ('c1', 'c2', 'c3')`);
    world.faults({ cutNext: 1 });
    const before = sent().calls;
    const run = await world.run();
    expect(run.counts).toMatchObject({ queued: 3, delivered: 3 });
    expect(run.calls).toMatchObject({ unknownSettled: 1 });
    expect(sent().calls - before).toBe(1);
    const reads = world.sandbox.dengage.stats().log.filter((call) => call.method === 'GET' && call.route.includes('/contacts/'));
    expect(reads).toHaveLength(3);
    expect([...world.sandbox.dengage.contacts()].filter((contact) => String(contact['contact_key']).startsWith('nc'))).toHaveLength(3);
    expect(world.sandbox.dengage.size()).toBe(30);
  });

  test('that was cut before it was stored is sent again', async () => {
    world = await createDengageWorld();
    await plantPeople(world.crm, 30);
    await world.run();
    await change(world.crm, 'c1', `external_id = 'n1', old_id = 'c1'`);
    world.faults({ cutBeforeCommit: { share: 1, first: 1 } });
    expect((await world.run()).counts).toMatchObject({ queued: 1, delivered: 1 });
    expect([held('c1'), held('n1')]).toEqual([undefined, expect.anything()]);
  });

  test('goes a hundred a call, for each of them is looked up after a cut', async () => {
    world = await createDengageWorld();
    await plantPeople(world.crm, 250);
    await world.run();
    await world.crm.query(`UPDATE contacts SET old_id = external_id, external_id = 'n' || external_id, updated_at = clock_timestamp()`);
    const planned = await world.cli('plan', 'crm-loyalty', '--json');
    expect(JSON.parse(planned.out)).toMatchObject({ calls: 3, kinds: [{ consent: false, renames: true, rows: 250, calls: 3 }] });
    const before = sent().calls;
    expect((await world.run()).counts).toMatchObject({ queued: 250, delivered: 250 });
    expect(sent().rows.slice(before)).toEqual([100, 100, 50]);
  });
});

describe('rows the platform does not take', () => {
  test('with insertIfNotExists: false contacts it does not hold are rejected as not in master_contact', async () => {
    world = await createDengageWorld({ destination: 'insertIfNotExists: false' });
    world.sandbox.dengage.plant(Array.from({ length: 20 }, (_, i) => ({ contact_key: `c${i + 1}`, email: `old${i}@example.com` })));
    await plantPeople(world.crm, 30);
    const run = await world.run();
    expect(run.status).toBe('completed_with_rejects');
    expect(run.counts).toMatchObject({ queued: 30, delivered: 20, rejected: 10 });
    expect(held('c20')).toMatchObject({ email: 'c20@example.com', email_permission: false });
    expect(world.sandbox.dengage.size()).toBe(20);
    const failures = JSON.parse((await world.cli('failures', 'crm-loyalty', '--json')).out) as { failures: { key: string; reason: string; code: string }[]; total: number };
    expect(failures.total).toBe(10);
    expect(failures.failures.map(({ key }) => key).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `c${i + 21}`));
    for (const { code, reason } of failures.failures) expect([code, reason]).toEqual(['not_in_master_contact', expect.stringContaining('not in master_contact')]);
  });

  test('that are only counted are searched for until they stand alone', async () => {
    world = await createDengageWorld({ faults: { errorShape: 'count', badRows: { keys: ['c7'], message: 'email domain is blocked' } } });
    await plantPeople(world.crm, 30);
    expect((await world.run()).counts).toMatchObject({ queued: 30, delivered: 29, rejected: 1 });
    expect([held('c7'), world.sandbox.dengage.size()]).toEqual([undefined, 29]);
  });

  test.each(['object', 'string', 'keyed', 'index'] as const)('are rejected one by one, the others delivered by the same call (errors as %s)', async (errorShape) => {
    world = await createDengageWorld({ faults: { errorShape, badRows: { keys: ['c7', 'c21'], message: 'email domain is blocked' } } });
    await plantPeople(world.crm, 30);
    const run = await world.run();
    expect(run.counts).toMatchObject({ queued: 30, delivered: 28, rejected: 2 });
    expect(run.calls.total).toBe(1);
    expect([held('c7'), held('c21'), world.sandbox.dengage.size()]).toEqual([undefined, undefined, 28]);
    expect((await contactStory(world.pool, 'crm-loyalty', 'c7'))?.rejection).toMatchObject({ code: 'invalid_email', reason: 'email domain is blocked' });
  });

  test('refuse the whole call in the strict mode, and are searched for until they stand alone', async () => {
    world = await createDengageWorld({ destination: 'throwExceptionIfInvalidRecord: true', faults: { badRows: { keys: ['c7', 'c21'], message: 'email domain is blocked' } } });
    await plantPeople(world.crm, 30);
    const run = await world.run();
    expect(run.counts).toMatchObject({ queued: 30, delivered: 28, rejected: 2 });
    expect(world.sandbox.dengage.size()).toBe(28);
    expect((await contactStory(world.pool, 'crm-loyalty', 'c21'))?.rejection?.reason).toContain('email domain is blocked');
    expect((await audit(world.pool, null)).balanced).toBe(true);
  });

  test('remarks on rows it took are kept with them, and shown', async () => {
    world = await createDengageWorld({ faults: { warnings: { keys: ['c4', 'c5'], message: 'gsm is not reachable' } } });
    await plantPeople(world.crm, 10);
    const run = await world.run();
    expect(run.counts).toMatchObject({ delivered: 10, rejected: 0 });
    expect((await world.cli('runs', 'show', run.run)).out).toMatch(/gsm is not reachable\s+2/);
    expect((await world.cli('contact', 'crm-loyalty', 'c4')).out).toContain('gsm is not reachable');
    expect((await world.cli('contact', 'crm-loyalty', 'c6')).out).not.toContain('gsm is not reachable');
  });
});

describe('trouble with the account', () => {
  test('a token that ends on the way is renewed, and no call is lost for it', async () => {
    world = await createDengageWorld({ gap: 250, faults: { tokenLife: '2s' }, destination: 'batchSize: 100' });
    await plantPeople(world.crm, 1_500);
    const run = await world.run();
    expect(run.counts).toMatchObject({ delivered: 1_500, rejected: 0 });
    const { byStatus, log } = world.sandbox.dengage.stats();
    expect(Object.keys(byStatus)).toEqual(['200']);
    expect(log.filter((call) => call.route.endsWith('/login')).length).toBeGreaterThan(1);
    expect(run.calls.total).toBe(15);
  });

  test('a token that does not live as long as a call waits for its turn is there when the call leaves', async () => {
    world = await createDengageWorld({ gap: 2_500, faults: { tokenLife: '2s' }, destination: 'batchSize: 10' });
    await plantPeople(world.crm, 30);
    expect((await world.run()).counts).toMatchObject({ delivered: 30, rejected: 0 });
    expect(sent().rows).toEqual([10, 10, 10]);
    expect(world.sandbox.dengage.stats()).toMatchObject({ refused: 0, byStatus: { 200: expect.any(Number) as number } });
  });

  test.each([401, 403] as const)('a token that is refused before its time (%i) is renewed once more', async (tokenStatus) => {
    world = await createDengageWorld();
    await plantPeople(world.crm, 10);
    await world.run();
    world.faults({ tokenStatus });
    world.sandbox.dengage.endTokens();
    await change(world.crm, 'c1', `city = 'Bergen'`);
    expect((await world.run()).counts).toMatchObject({ delivered: 1, rejected: 0 });
    expect(held('c1')).toMatchObject({ city: 'Bergen' });
  });

  test('an address that is not on the allow-list blocks the lane in those words; corrected, all is delivered', async () => {
    world = await createDengageWorld({ faults: { ipBlocked: true } });
    await plantPeople(world.crm, 30);
    const run = await world.start();
    const blocked = await world.until(run, (document) => document.lane.state === 'blocked');
    expect(blocked.lane.reason).toContain('Your IP address is not in the allowed IP list');
    expect(blocked.lane.hint).toBeTruthy();
    const calls = world.sandbox.dengage.stats().calls;
    await world.until(run, (document) => !document.extracting);
    expect(world.sandbox.dengage.stats().calls).toBe(calls);
    world.faults({});
    expect((await world.cli('lane', 'resume', world.account)).code).toBe(0);
    const done = await world.until(run, (document) => document.endedAt !== null);
    expect(done.counts).toMatchObject({ delivered: 30, rejected: 0 });
  });

  test('a column that is not there blocks the lane, and no row is blamed', async () => {
    world = await createDengageWorld({ faults: { columns: ['city'] } });
    await plantPeople(world.crm, 30);
    const run = await world.start();
    const blocked = await world.until(run, (document) => document.lane.state === 'blocked');
    expect(blocked.lane.reason).toContain('does not exist or is not import-enabled');
    world.faults({});
    await world.cli('lane', 'resume', world.account);
    expect((await world.until(run, (document) => document.endedAt !== null)).counts).toMatchObject({ delivered: 30, rejected: 0 });
  });
});

test('after a cut the next call waits its gap, and the newest version is sent again', async () => {
  world = await createDengageWorld({ gap: 1_000, faults: { cutNext: 1 } });
  await plantPeople(world.crm, 30);
  const run = await world.run();
  expect(run.counts).toMatchObject({ delivered: 30, rejected: 0 });
  const stats = world.sandbox.dengage.stats();
  expect(stats).toMatchObject({ refused: 0, bulkCalls: 2 });
  expect(stats.minGapMs).toBeGreaterThanOrEqual(1_000);
});

test('a plan tells calls by what they carry', async () => {
  world = await createDengageWorld();
  await plantPeople(world.crm, 1_200);
  await world.run();
  await world.crm.query(`UPDATE contacts SET city = 'Bergen', updated_at = clock_timestamp() WHERE external_id IN ('c1', 'c2', 'c3')`);
  await change(world.crm, 'c6', 'opt_in = NOT opt_in');
  await plantPeople(world.crm, 2, 'new');
  await world.crm.query(`UPDATE contacts SET updated_at = clock_timestamp() WHERE external_id LIKE 'new%'`);
  const { code, out } = await world.cli('plan', 'crm-loyalty', '--json');
  expect(code).toBe(0);
  const plan = JSON.parse(out) as { calls: number; counts: object; kinds: object[]; notices: string[] };
  expect(plan).toMatchObject({ calls: 2, counts: { creates: 2, updates: 4, optOuts: 1 } });
  expect(plan.kinds).toEqual([{ consent: true, renames: false, rows: 3, calls: 1 }, { consent: false, renames: false, rows: 3, calls: 1 }]);
  const words = (await world.cli('plan', 'crm-loyalty')).out;
  expect(words).toContain('2: 1 (3 rows) with consent; 1 (3 rows) without consent');
  const before = sent().calls;
  await world.run();
  expect(sent().rows.slice(before)).toEqual([3, 3]);
});

test('a verification by sample says its cost first, passes on what is right and fails, with exit 4, on what is not', async () => {
  world = await createDengageWorld();
  await plantPeople(world.crm, 300);
  await world.run();
  const well = await world.cli('verify', 'crm-loyalty', '--json', '--confidence', '0.99', '--max-error', '0.02');
  expect(well.code).toBe(0);
  expect(well.err).toMatch(/reads at .*: about .*99 % confidence/);
  expect(JSON.parse(well.out)).toMatchObject({ verdict: 'pass', method: 'sample', confidence: 0.99, maxError: 0.02, population: 300, total: { found: 300, known: 300 } });
  for (const contact of [...world.sandbox.dengage.contacts()]) world.sandbox.dengage.plant([{ ...contact, city: 'Elsewhere' }]);
  const ill = await world.cli('verify', 'crm-loyalty', '--json');
  expect(ill.code).toBe(4);
  expect(JSON.parse(ill.out)).toMatchObject({ verdict: 'fail', method: 'sample' });
});
