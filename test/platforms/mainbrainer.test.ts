import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mostCalls, WITHOUT_WITNESS } from '../../src/lanes/split-bound.js';
import { audit, listFailures, type RunDocument, type StatusDocument, type VerificationDocument } from '../../src/ledger/index.js';
import { seededRandom } from '../../src/sandbox/random.js';
import { change, createSmsWorld, loadSample, plant, type SmsWorld } from './mainbrainer-world.js';

let world: SmsWorld;
beforeAll(async () => { world = await createSmsWorld(); });
afterAll(async () => { await world.close(); });
beforeEach(async () => { await world.fresh(); });

const balanced = async (): Promise<boolean> => (await audit(world.pool, null)).balanced;
const failures = async (): Promise<readonly (readonly [string | null, string, string])[]> =>
  (await listFailures(world.pool, 'crm-sms', 1000)).failures.map(({ key, code, reason }) => [key, code, reason] as const);
const openBatches = async (): Promise<number> =>
  (await world.pool.query<{ open: number }>(`SELECT count(*) AS open FROM batch WHERE status IN ('sending', 'accepted', 'unknown')`)).rows[0]?.open ?? -1;

test('the sample contacts reach the platform row by row, consent included; a second run makes no call, a hundredth changed sends that', async () => {
  world.configure({ destination: 'batchSize: 1000\nlinger: 2s' });
  await loadSample(world.crm);
  const first = await world.run();
  expect(first).toMatchObject({ status: 'completed', counts: { extracted: 19_972, queued: 19_972, delivered: 19_972 }, calls: { total: 20, succeeded: 20 } });
  // Of the 9,187 numbers with a stray prefix 713 are, by accident, possible in Germany, where their contacts live.
  expect(first.warnings).toEqual({ 'phone: not possible for its country': 9_187 - 713 });
  expect(await world.unlike()).toEqual([]);
  const before = world.sandbox.stats().calls;
  expect(await world.run()).toMatchObject({ status: 'completed', calls: { total: 0 }, counts: { queued: 0 } });
  expect(world.sandbox.stats().calls).toBe(before);
  await change(world.crm, `city = 'Moss', opt_in = opt_in IS NOT TRUE`, 'external_id IN (SELECT external_id FROM contacts ORDER BY email LIMIT 200)');
  const third = await world.run();
  expect(third).toMatchObject({ status: 'completed', counts: { queued: 200, delivered: 200 } });
  expect(third.calls.total).toBeLessThanOrEqual(2);
  expect(await world.unlike()).toEqual([]);
  expect(await balanced()).toBe(true);
}, 240_000);

// The whole of it takes half a minute; by default a sixth of the contacts tells the same.
test.each(process.env['SYNCLINE_LONG'] === undefined ? [[3_000, 6]] : [[20_000, 20]])('of %i contacts exactly the %i bad ones are rejected, each in the platform\'s words, in no more calls than the bound', async (count, faults) => {
  world.configure({ destination: 'batchSize: 1000\nlinger: 2s' });
  await plant(world.crm, count);
  const random = seededRandom(7);
  const bad = new Set<number>();
  while (bad.size < faults) bad.add(1 + Math.floor(random() * count));
  world.sandbox.setFaults({ badRows: { emails: [...bad].map((i) => `person${i}@example.com`), message: 'the contact is blocked' } });
  const run = await world.run();
  expect(run).toMatchObject({ status: 'completed_with_rejects', counts: { queued: count, delivered: count - faults, rejected: faults } });
  expect((await failures()).map(([key]) => Number(key)).sort((a, b) => a - b)).toEqual([...bad].sort((a, b) => a - b));
  expect((await failures()).every(([, code, reason]) => code === 'refused' && reason.includes('the contact is blocked'))).toBe(true);
  expect(await world.unlike(new Set([...bad].map(String)))).toEqual([]);
  const most = WITHOUT_WITNESS + Array.from({ length: count / 1000 }, (_, batch) => mostCalls(1000, [...bad].filter((i) => Math.floor((i - 1) / 1000) === batch).length)).reduce((a, b) => a + b, 0);
  console.info(`${faults} bad contacts of ${count}: ${run.calls.total} calls, the bound is ${most}`);
  expect(run.calls.total).toBeLessThanOrEqual(most);
  expect(world.sandbox.stats().bulkCalls).toBe(run.calls.total);
  expect(await balanced()).toBe(true);
}, 300_000);

test('an unknown list rejects nobody: the lane is blocked and says why; with the right one everything is delivered', async () => {
  world.configure({ destination: 'listId: 11111111-2222-3333-4444-555555555555' });
  await plant(world.crm, 250);
  const blocked = await world.json<RunDocument>('run', 'crm-sms');
  expect(blocked.code).toBe(1);
  expect(blocked.document).toMatchObject({ counts: { rejected: 0, delivered: 0, waiting: 250 } });
  expect(blocked.err).toContain('check listId');
  const { document } = await world.json<StatusDocument>('status');
  expect(document.lanes.find((lane) => lane.account === world.account())).toMatchObject({ state: 'blocked', waiting: 250, reason: expect.stringContaining('List with the specified listId does not exist') });
  expect((await world.cli('status')).out).toContain('List with the specified listId does not exist');
  world.configure({ destination: 'listId: 3fa85f64-5717-4562-b3fc-2c963f66afa6' });
  expect((await world.cli('run', 'crm-sms')).code).toBe(0);
  expect(await world.until(blocked.document.run, ({ endedAt }) => endedAt !== null)).toMatchObject({ status: 'completed', counts: { delivered: 250, rejected: 0 } });
  expect(await world.unlike()).toEqual([]);
  expect([...world.sandbox.contacts()].every(({ lists }) => (lists as string[])[0] === '3fa85f64-5717-4562-b3fc-2c963f66afa6')).toBe(true);
  expect(await balanced()).toBe(true);
});

describe('webhooks', () => {
  test.each(['deliver', 'double', 'delay', 'lost', 'early'] as const)('%s: everything ends at the same state', async (mode) => {
    world.configure({ webhooks: true, destination: 'resultsWithin: 20s' });
    world.sandbox.setFaults({ webhooks: { mode, delay: 300 }, processing: { delay: 30, jitter: 60 } });
    await plant(world.crm, 300);
    const run = await world.run();
    expect(run).toMatchObject({ status: 'completed', counts: { delivered: 300 }, calls: { total: 3 } });
    // The late ones find everything settled.
    await world.sandbox.idle();
    expect(await world.unlike()).toEqual([]);
    expect(await openBatches()).toBe(0);
  });

  test('forged ones are turned away and change nothing', async () => {
    world.configure({ webhooks: true });
    world.sandbox.setFaults({ processing: { delay: 3_000 } });
    await plant(world.crm, 100);
    const run = await world.start();
    const { batches } = await world.until(run, (document) => document.batches.some(({ status }) => status !== 'sending'));
    const forged = `${world.url}/webhooks/sms?batch=${batches[0]?.batch ?? 0}&sig=${'0'.repeat(64)}`;
    const answer = await fetch(forged, { method: 'POST', body: JSON.stringify({ BatchId: '3fa85f64-5717-4562-b3fc-2c963f66afa6', status: 'Completed' }) });
    expect([answer.status, await answer.json()]).toEqual([401, { ok: false }]);
    expect((await world.until(run, (document) => document.endedAt !== null)).counts.delivered).toBe(100);
    expect(await world.unlike()).toEqual([]);
  });

  test('where the answer was cut, the webhook tells the batch, and nothing is sent twice', async () => {
    world.configure({ webhooks: true, destination: 'settleDelay: 20s' });
    world.sandbox.setFaults({ cutNext: 2, processing: { delay: 200 } });
    await plant(world.crm, 300);
    expect(await world.run()).toMatchObject({ status: 'completed', counts: { delivered: 300 }, calls: { total: 3 } });
    expect(await world.unlike()).toEqual([]);
  });
});

test('connections cut before and after the platform took the batch make no second contact', async () => {
  world.sandbox.setFaults({ cutBeforeCommit: { first: 2 }, cutAfterCommit: { first: 2 } });
  await plant(world.crm, 500);
  const run = await world.run();
  expect(run).toMatchObject({ status: 'completed', counts: { delivered: 500 }, calls: { total: 9, unknownSettled: 4 } });
  expect(await world.unlike()).toEqual([]);
  expect(await balanced()).toBe(true);
});

test('tokens that live two seconds, and some that end sooner, cost log-ins and nothing else', async () => {
  world.configure({ destination: 'batchSize: 10\nlimits: {calls: 20, per: 1s, concurrency: 4}' });
  world.sandbox.setFaults({ tokenLife: '2s', tokenRefused: { share: 0.05, first: 2 } });
  await plant(world.crm, 300);
  expect(await world.run()).toMatchObject({ status: 'completed', counts: { delivered: 300, rejected: 0 } });
  expect(await world.unlike()).toEqual([]);
  expect(world.sandbox.stats().log.filter(({ route }) => route === '/token').length).toBeGreaterThan(2);
});

test('results out of order, changes meanwhile: the newest of every contact stands', async () => {
  world.sandbox.setFaults({ processing: { delay: 20, jitter: 2_500 } });
  await plant(world.crm, 400);
  const first = await world.start();
  await world.until(first, (document) => document.batches.some(({ status }) => status !== 'sending') && !document.extracting);
  await change(world.crm, `city = 'Hamar', opt_in = false`, 'external_id::int % 8 = 1');
  const second = await world.run();
  await world.until(first, (document) => document.endedAt !== null);
  expect(second.counts).toMatchObject({ queued: 50, delivered: 50 });
  expect(await world.unlike()).toEqual([]);
  expect(await balanced()).toBe(true);
});

test('a status that never ends is given up at its deadline, and its contacts are sent again', async () => {
  world.configure({ destination: 'resultsWithin: 4s' });
  world.sandbox.setFaults({ statusLost: { first: 2 } });
  await plant(world.crm, 300);
  const run = await world.run();
  expect(run).toMatchObject({ status: 'completed', counts: { delivered: 300, rejected: 0 }, calls: { total: 5, unknownSettled: 2 } });
  expect(await world.unlike()).toEqual([]);
  expect(await balanced()).toBe(true);
});

test('a batch that fails after it was accepted is sent again, then split; nobody is rejected as a whole', async () => {
  world.sandbox.setFaults({ failedBatches: { first: 3, reason: 'internal error' } });
  await plant(world.crm, 100);
  const run = await world.run();
  expect(run).toMatchObject({ status: 'completed', counts: { delivered: 100, rejected: 0 } });
  expect(run.batches.some(({ status, message }) => status === 'split' && message?.includes('internal error') === true)).toBe(true);
  expect(await world.unlike()).toEqual([]);
  expect(await balanced()).toBe(true);
});

test('of contacts that were skipped exactly those are rejected', async () => {
  const bad = ['7', '68'];
  world.sandbox.setFaults({ skippedRows: { emails: bad.map((i) => `person${i}@example.com`), reason: 'the number is on a block list' } });
  await plant(world.crm, 100);
  expect(await world.run()).toMatchObject({ status: 'completed_with_rejects', counts: { delivered: 98, rejected: 2 } });
  const rejected = await failures();
  expect(rejected.map(([key]) => key).sort()).toEqual([...bad].sort());
  expect(rejected.every(([, , reason]) => reason.includes('the number is on a block list'))).toBe(true);
  expect(await world.unlike(new Set(bad))).toEqual([]);
  expect(await balanced()).toBe(true);
});

test('a property the platform does not know is told with the batch and in the status, and holds nobody up', async () => {
  world.configure({ destination: 'properties: {city: city, locale: locale, shoesize: city}' });
  await plant(world.crm, 100);
  const { run } = await world.run();
  const note = 'properties MainBrainer does not know: shoesize';
  expect((await world.json('runs', 'show', run)).document).toMatchObject({ status: 'completed', counts: { delivered: 100 }, batches: [{ notes: [note] }] });
  expect((await world.cli('runs', 'show', run)).out).toContain(`notice: ${note} (one call)`);
  const { document } = await world.json<StatusDocument>('status');
  expect(document.lanes.find(({ account }) => account === world.account())?.notices).toEqual([`sms: ${note}`]);
  expect((await world.cli('status')).out).toContain(`notice: sms: ${note}`);
});

describe('whom the platform takes for whom', () => {
  test('of two contacts with one pair the first is sent, with the strictest consent, and the second names it', async () => {
    await plant(world.crm, 10);
    await change(world.crm, `email = 'person1@example.com', phone = (SELECT phone FROM contacts WHERE external_id = '1'), opt_in = false, sms = true`, `external_id = '2'`);
    expect(await world.run()).toMatchObject({ counts: { delivered: 9, rejected: 1 } });
    expect(await failures()).toEqual([['2', 'duplicate', expect.stringContaining('contact 1')]]);
    expect(world.sandbox.contact({ mobile: '+12125550001', email: 'person1@example.com' })).toMatchObject({ emailOptIn: false, mobileOptIn: false });
    expect(world.sandbox.size()).toBe(9);
    expect(await balanced()).toBe(true);
  });

  test('a changed e-mail is held, its opt-out still arrives under the old one, and "send" lets it go', async () => {
    await plant(world.crm, 10);
    await world.run();
    await change(world.crm, `email = 'new1@example.com'`, `external_id = '1'`);
    expect(await world.run()).toMatchObject({ counts: { delivered: 0, rejected: 1 }, calls: { total: 0 } });
    expect(await failures()).toEqual([['1', 'held', expect.stringContaining('onKeyChange: send')]]);
    await change(world.crm, 'opt_in = false', `external_id = '1'`);
    await world.run();
    expect(world.sandbox.contact({ mobile: '+12125550001', email: 'person1@example.com' })).toMatchObject({ emailOptIn: false });
    expect(world.sandbox.size()).toBe(10);
    world.configure({ destination: 'onKeyChange: send' });
    await world.run('crm-sms', { kind: 'full' });
    expect(world.sandbox.contact({ mobile: '+12125550001', email: 'new1@example.com' })).toMatchObject({ emailOptIn: false });
    expect(await failures()).toEqual([]);
    expect(await balanced()).toBe(true);
  });

  test('where an answer tied the platform\'s id to the contact, a changed e-mail changes that contact', async () => {
    await plant(world.crm, 1);
    await world.run();
    await change(world.crm, `email = 'new1@example.com'`, `external_id = '1'`);
    expect(await world.run()).toMatchObject({ status: 'completed', counts: { delivered: 1 } });
    expect(world.sandbox.size()).toBe(1);
    expect(await world.unlike()).toEqual([]);
  });
});

test('two lists of one account share one budget, polls and log-ins included: the platform never refuses a call', async () => {
  const limits = 'linger: 2s\nlimits: {calls: 10, per: 2s, concurrency: 4}';
  const list = '22222222-2222-4222-8222-222222222222';
  world.configure({ destination: `${limits}\nlistId: 3fa85f64-5717-4562-b3fc-2c963f66afa6`, second: `${limits}\nlistId: ${list}` });
  world.sandbox.setFaults({ limit: { calls: 10, per: '2s', window: 'sliding' }, lists: [list], tokenLife: '2s', processing: { delay: 100 } });
  await plant(world.crm, 400);
  const runs = await Promise.all([world.run('crm-sms'), world.run('crm-second')]);
  expect(runs.map(({ status, counts }) => [status, counts.delivered])).toEqual([['completed', 400], ['completed', 400]]);
  expect(world.sandbox.stats()).toMatchObject({ refused: 0, byStatus: { 202: 8 } });
  expect(world.sandbox.stats().maxInWindow).toBeLessThanOrEqual(10);
  expect([...world.sandbox.contacts()].every(({ lists }) => (lists as string[]).length === 2)).toBe(true);
  expect(await world.unlike()).toEqual([]);
});

test('verify goes by receipts: it passes when all was confirmed, and fails for whom the platform refused', async () => {
  await plant(world.crm, 100);
  await world.run();
  const well = await world.json<VerificationDocument>('verify', 'crm-sms');
  expect(well).toMatchObject({ code: 0, document: { verdict: 'pass', method: 'receipts', receipts: { contacts: 100, withoutReceipt: 0, mismatched: 0 } } });
  world.sandbox.setFaults({ badRows: { emails: ['new101@example.com'] } });
  await world.crm.query(`INSERT INTO contacts (external_id, email, locale, opt_in, updated_at) VALUES ('101', 'new101@example.com', 'en', true, now()), ('102', 'new102@example.com', 'en', true, now())`);
  expect(await world.run()).toMatchObject({ counts: { delivered: 1, rejected: 1 } });
  const failed = await world.json<VerificationDocument & { differences: readonly unknown[] }>('verify', 'crm-sms');
  expect(failed).toMatchObject({ code: 4, document: { verdict: 'fail', method: 'receipts', differences: [{ key: '101', kind: 'missing' }] } });
});
