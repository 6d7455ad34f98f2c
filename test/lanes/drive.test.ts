import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryWindow, MailingCoreConfig } from '../../src/config/index.js';
import { Connectors, registerRun } from '../../src/control/index.js';
import { createDestination, type Destination } from '../../src/destinations/index.js';
import { extract } from '../../src/extraction/index.js';
import { drive, type Driven, type DriveResult } from '../../src/lanes/index.js';
import { audit, findLane, findRun, listFailures, runDocument, tryAgain, type RunDocument } from '../../src/ledger/index.js';
import { startSandbox } from '../../src/sandbox/index.js';
import { clear } from '../ledger/support.js';
import { collectGarbage } from '../support/garbage.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
let connectors: Connectors;
let destination: Destination;
let account: string;
const SYNC = 'crm-newsletter';

beforeAll(async () => {
  world = await createWorld({ worker: false });
  connectors = new Connectors();
  const config = world.config.destinations['newsletter']!;
  destination = connectors.destination(config);
  account = config.account;
});
afterAll(async () => {
  await connectors.close();
  await world.close();
});
beforeEach(async () => {
  await world.crm.query('DELETE FROM contacts');
  await clear(world.pool);
  world.sandbox.mailingcore.reset();
});

/** Makes contacts in the CRM and stages them all. @returns the run */
async function stageContacts(count: number): Promise<string> {
  await plantContacts(world.crm, count);
  return stageAll();
}

async function stageAll(): Promise<string> {
  const { run } = await registerRun(world.pool, world.config, SYNC, { kind: 'full' }, (id) => `sync/${id}`);
  const { source, rules } = connectors.wire(world.config, SYNC);
  await extract({ pool: world.pool, source, rules, run: (await findRun(world.pool, run))!, budgetMs: 20_000, signal: new AbortController().signal, onPage: () => undefined });
  return run;
}

interface Ways extends Partial<Omit<Driven, 'destination' | 'limits'>> {
  readonly destination?: Destination;
  readonly concurrency?: number;
  readonly forMs?: number;
  readonly signal?: AbortSignal;
}

/** Drives until nothing is left, the lane stands still for long, or the time is over. */
async function driveOn({ forMs = 60_000, signal = new AbortController().signal, concurrency = 4, destination: to = destination, ...more }: Ways = {}): Promise<DriveResult> {
  const driven: Driven = { destination: to, batchSize: 1000, linger: 0, timeout: 5_000, settleDelay: 300, limits: { calls: 100_000, per: 1_000, concurrency }, ...more };
  const endsAt = performance.now() + forMs;
  for (;;) {
    const result = await drive({
      pool: world.pool, account, owner: 'test', driven: (name) => (name === 'newsletter' ? driven : undefined), settleDelay: driven.settleDelay,
      windowMs: Math.max(endsAt - performance.now(), 1), longWaitMs: 3_000, signal, random: () => 0,
    });
    const halted = result.next === 'wait' && (['blocked', 'paused'].includes(result.state) || result.waitMs > 60_000);
    if (result.next === 'idle' || halted || signal.aborted || performance.now() > endsAt) return result;
    if (result.next === 'wait') await sleep(Math.min(result.waitMs, Math.max(endsAt - performance.now(), 0)), undefined, { signal }).catch(() => undefined);
  }
}

const document = async (run: string): Promise<RunDocument> => (await runDocument(world.pool, run))!;
const held = (): string[] => [...world.sandbox.mailingcore.contacts()].map((contact) => String(contact['externalId'])).sort();
const numbers = (count: number, without: readonly string[] = []): string[] => Array.from({ length: count }, (_, index) => String(index + 1)).filter((key) => !without.includes(key)).sort();
const failures = async (): Promise<[string | null, string][]> => (await listFailures(world.pool, SYNC, 1_000)).failures.map((one) => [one.key, one.reason] as [string | null, string]).sort();
const balanced = async (): Promise<void> => { expect((await audit(world.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]); };
const bulkCalls = (): number => world.sandbox.mailingcore.stats().bulkCalls;

describe('driving a lane', () => {
  it('delivers everything in as few calls as it takes, and ends', async () => {
    const run = await stageContacts(2_345);
    expect(await driveOn()).toMatchObject({ next: 'idle', state: 'idle' });
    expect(held()).toEqual(numbers(2_345));
    expect((await document(run)).counts).toMatchObject({ queued: 2_345, delivered: 2_345, waiting: 0 });
    expect(bulkCalls()).toBe(3);
    await balanced();
  });

  it('sends nothing outside the delivery window but opt-outs, alone in their calls, and says until when', async () => {
    await stageContacts(30);
    expect(await driveOn()).toMatchObject({ next: 'idle' });
    const now = new Date();
    const minutes = now.getUTCHours() * 60 + now.getUTCMinutes();
    const from = (minutes + 120) % 1440;
    const window: DeliveryWindow = { from, to: (minutes + 180) % 1440, timeZone: 'UTC' };
    await world.crm.query(`UPDATE contacts SET first_name = 'Later', updated_at = now()`);
    await world.crm.query(`UPDATE contacts SET opt_in = false WHERE external_id IN ('3', '4')`);
    await stageAll();
    const before = bulkCalls();
    const result = await driveOn({ window, forMs: 10_000 });
    const opens = `${String(Math.floor(from / 60)).padStart(2, '0')}:${String(from % 60).padStart(2, '0')} UTC`;
    expect(result).toMatchObject({ next: 'wait', state: 'waiting', reason: `outside the delivery window of newsletter until ${opens}` });
    expect(result.waitMs).toBeGreaterThan(118 * 60_000);
    expect(bulkCalls() - before).toBe(1);
    const changed = [...world.sandbox.mailingcore.contacts()].filter((one) => (one['attributes'] as Record<string, unknown>)['firstName'] === 'Later');
    expect(changed.map((one) => [one['externalId'], one['optIn']]).sort()).toEqual([['3', false], ['4', false]]);
    expect(await findLane(world.pool, account)).toMatchObject({ state: 'waiting', reason: expect.stringContaining('delivery window') as string });
    // It opens: everything leaves.
    expect(await driveOn({ window: { ...window, from: (minutes + 1430) % 1440, to: (minutes + 30) % 1440 } })).toMatchObject({ next: 'idle', state: 'idle' });
    expect([...world.sandbox.mailingcore.contacts()].filter((one) => (one['attributes'] as Record<string, unknown>)['firstName'] === 'Later')).toHaveLength(30);
    await balanced();
  });

  it.each(['row', 'request'] as const)('rejects exactly the bad rows, with the platform\'s reason, where it refuses by %s', async (mode) => {
    const bad = ['7', '333', '334', '999'];
    world.sandbox.mailingcore.setFaults({ badRows: { externalIds: bad, mode, message: 'invalid email' } });
    const run = await stageContacts(1_000);
    await driveOn();
    expect(held()).toEqual(numbers(1_000, bad));
    expect((await failures()).map(([key]) => key)).toEqual([...bad].sort());
    expect((await failures()).every(([, reason]) => reason.includes('invalid email'))).toBe(true);
    expect((await document(run)).counts).toMatchObject({ delivered: 996, rejected: 4, waiting: 0 });
    expect(bulkCalls()).toBeLessThanOrEqual(mode === 'row' ? 1 : 2 * 4 * 11 + 8);
    await balanced();
  });

  it('blames nobody where every call is refused: the lane blocks with the platform\'s words, and all is delivered once that is over', async () => {
    world.sandbox.mailingcore.setFaults({ refuseAll: 'property city is unknown' });
    const run = await stageContacts(3_000);
    expect(await driveOn()).toMatchObject({ next: 'wait', state: 'blocked' });
    expect(await findLane(world.pool, account)).toMatchObject({ blocked: true, reason: expect.stringContaining('property city is unknown') as string, hint: expect.stringContaining('configuration') as string });
    expect((await document(run)).counts).toMatchObject({ rejected: 0, waiting: 3_000 });
    expect(bulkCalls()).toBeLessThanOrEqual(14);
    world.sandbox.mailingcore.setFaults({});
    await tryAgain(world.pool, account);
    await driveOn();
    expect((await document(run)).counts).toMatchObject({ delivered: 3_000, rejected: 0, waiting: 0 });
    expect(held()).toEqual(numbers(3_000));
    await balanced();
  });

  it('one lone row that is refused without a witness blocks the lane rather than be waited for forever', async () => {
    world.sandbox.mailingcore.setFaults({ badRows: { externalIds: ['1'], mode: 'request' } });
    const run = await stageContacts(1);
    expect(await driveOn()).toMatchObject({ state: 'blocked' });
    expect((await document(run)).counts).toMatchObject({ rejected: 0, waiting: 1 });
  });

  it('a contact that always fails holds up nobody: it waits alone, and is rejected when others pass it', async () => {
    world.sandbox.mailingcore.setFaults({ alwaysFail: { externalIds: ['5'] } });
    const run = await stageContacts(12);
    const enough = new AbortController();
    const driving = driveOn({ batchSize: 4, signal: enough.signal });
    try {
      await expect.poll(async () => (await document(run)).counts, { timeout: 60_000, interval: 100 }).toMatchObject({ delivered: 11, rejected: 0 });
    } finally {
      enough.abort();
      await driving;
    }
    expect(held()).toEqual(numbers(12, ['5']));
    // More comes while it is tried again and again.
    await world.pool.query('UPDATE run SET extracting = false, ended_at = now()');
    let more = 12;
    await expect.poll(async () => {
      await world.crm.query(`INSERT INTO contacts SELECT i::text, 'p' || i || '@example.com', NULL, 'P', 'Oslo', 'US', 'en', true, '2025-02-01' FROM generate_series($1::int, $1::int) i`, [more += 1]);
      await stageAll();
      await world.pool.query('UPDATE run SET extracting = false, ended_at = now()');
      await world.pool.query(`UPDATE account SET not_before = '-infinity'`);
      await world.pool.query(`UPDATE bundle SET not_before = '-infinity'`);
      await driveOn({ forMs: 500 });
      return failures();
    }, { timeout: 60_000, interval: 50 }).toMatchObject([['5', expect.stringContaining('for this contact alone') as string]]);
    await balanced();
  }, 240_000);

  it.each([true, false])('waits where the platform throttles (says for how long: %s) and spends no attempt', async (retryAfter) => {
    world.sandbox.mailingcore.setFaults({ burst429: 2, limit: { calls: 100_000, per: '1s', retryAfter } });
    const run = await stageContacts(500);
    await driveOn();
    expect((await document(run)).counts).toMatchObject({ delivered: 500, rejected: 0 });
    expect((await document(run)).calls).toMatchObject({ rateLimited: 2, retried: 0 });
    await balanced();
  });

  it('a call cut after it was stored is unknown, settled after its delay, and counted once', async () => {
    world.sandbox.mailingcore.setFaults({ cutNext: 1 });
    const run = await stageContacts(500);
    await driveOn();
    expect((await document(run)).counts).toMatchObject({ queued: 500, delivered: 500, overtaken: 0, inFlight: 0 });
    expect((await document(run)).calls).toMatchObject({ total: 2, unknownSettled: 1 });
    const [first, second] = world.sandbox.mailingcore.stats().log.filter((call) => call.route === '/contacts/bulk');
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(300);
    await balanced();
  });

  it('an answer that never comes is given up at the time-out and treated the same', async () => {
    world.sandbox.mailingcore.setFaults({ hang: { first: 1 } });
    const run = await stageContacts(100);
    const driving = driveOn({ timeout: 1_000 });
    await expect.poll(bulkCalls).toBeGreaterThanOrEqual(1);
    // A deadline that nothing holds on to would be gone after this.
    collectGarbage();
    await driving;
    expect((await document(run)).counts).toMatchObject({ queued: 100, delivered: 100, inFlight: 0 });
    expect((await document(run)).calls).toMatchObject({ total: 2, unknownSettled: 1 });
    await balanced();
  });

  it('what changed while its call was unknown is sent as it is now', async () => {
    world.sandbox.mailingcore.setFaults({ cutNext: 1 });
    await stageContacts(10);
    const driving = driveOn({ settleDelay: 3_000 });
    await expect.poll(bulkCalls).toBeGreaterThanOrEqual(1);
    await world.crm.query(`UPDATE contacts SET city = 'Bergen', updated_at = '2025-06-01' WHERE external_id = '3'`);
    await world.pool.query('UPDATE run SET extracting = false, ended_at = now()');
    await stageAll();
    await driving;
    await driveOn();
    const three = [...world.sandbox.mailingcore.contacts()].find((contact) => contact['externalId'] === '3') as { attributes: { city: string } };
    expect(three.attributes.city).toBe('Bergen');
    await balanced();
  });

  it.each([
    ['forbidden', { forbidden: 'Missing contacts:write scope' }, 'Missing contacts:write scope'],
    ['unauthorized', { unauthorized: true }, 'Unauthorized'],
  ])('%s: blocked with the platform\'s words, rows wait', async (_, faults, words) => {
    world.sandbox.mailingcore.setFaults(faults);
    const run = await stageContacts(50);
    expect(await driveOn()).toMatchObject({ next: 'wait', state: 'blocked' });
    const lane = (await findLane(world.pool, account))!;
    expect(lane.reason).toContain(words);
    expect(lane.hint).not.toBeNull();
    expect((await document(run)).counts).toMatchObject({ waiting: 50, rejected: 0 });
    await balanced();
  });

  it('a quota that is used up pauses the lane and says until when', async () => {
    world.sandbox.mailingcore.setFaults({ quota: true });
    const run = await stageContacts(50);
    expect(await driveOn()).toMatchObject({ next: 'wait', state: 'paused' });
    const { lane, counts } = await document(run);
    expect(lane).toMatchObject({ state: 'paused' });
    expect(Date.parse(lane.until!)).toBeGreaterThan(Date.now());
    expect(counts).toMatchObject({ waiting: 50, rejected: 0 });
    expect(bulkCalls()).toBe(1);
    await balanced();
  });

  it('a platform that is down rejects nobody, and all is delivered when it is back', async () => {
    let platform = await startSandbox();
    const to = createDestination({ ...(world.config.destinations['newsletter'] as MailingCoreConfig), baseUrl: platform.mailingcore.baseUrl });
    const { port } = platform;
    await platform.close();
    const run = await stageContacts(300);
    await driveOn({ destination: to, forMs: 3_000, batchSize: 100 });
    expect((await document(run)).counts).toMatchObject({ rejected: 0, waiting: 300, inFlight: 0 });
    expect(await findLane(world.pool, account)).toMatchObject({ state: 'backing_off', reason: expect.stringContaining('nobody listens') as string });
    platform = await startSandbox({ port });
    try {
      await driveOn({ destination: to, batchSize: 100 });
      expect((await document(run)).counts).toMatchObject({ delivered: 300, rejected: 0, waiting: 0 });
      expect([...platform.mailingcore.contacts()]).toHaveLength(300);
      await balanced();
    } finally {
      await platform.close();
      await to.close();
    }
  });

  it('errors now and then, cuts now and then and bad rows together: exactly the bad rows are rejected', async () => {
    const bad = ['17', '480'];
    world.sandbox.mailingcore.setFaults({ seed: 7, errorsBeforeCommit: 0.1, cutAfterCommit: 0.1, badRows: { externalIds: bad, mode: 'row' } });
    const run = await stageContacts(500);
    await driveOn({ batchSize: 25 });
    expect(held()).toEqual(numbers(500, bad));
    expect((await document(run)).counts).toMatchObject({ delivered: 498, rejected: 2, waiting: 0, inFlight: 0 });
    await balanced();
  });

  it('a second driver waits for the first one\'s lease', async () => {
    await stageContacts(10);
    await world.pool.query(`UPDATE account SET lease_owner = 'other', lease_until = clock_timestamp() + interval '30 s', fence = fence + 1 WHERE name = $1`, [account]);
    const result = await drive({
      pool: world.pool, account, owner: 'test', driven: () => undefined, settleDelay: 300, windowMs: 100, longWaitMs: 3_000, signal: new AbortController().signal,
    });
    expect(result).toMatchObject({ next: 'wait', calls: 0 });
    expect(result.waitMs).toBeGreaterThan(15_000);
    await world.pool.query(`UPDATE account SET lease_until = '-infinity'`);
  });

  it('when another takes the lease over, calls under way are given up and written down by nobody but the new one', async () => {
    world.sandbox.mailingcore.setFaults({ hang: { first: 1 } });
    const run = await stageContacts(10);
    const driving = driveOn({ timeout: 20_000, forMs: 15_000 });
    await expect.poll(bulkCalls).toBe(1);
    await world.pool.query(`UPDATE account SET lease_owner = 'other', fence = fence + 1, lease_until = clock_timestamp() + interval '60 s' WHERE name = $1`, [account]);
    await expect(driving).rejects.toThrow('no longer this driver');
    expect((await document(run)).counts).toMatchObject({ inFlight: 10, delivered: 0 });
    await world.pool.query(`UPDATE account SET lease_until = '-infinity'`);
    await driveOn();
    expect((await document(run)).counts).toMatchObject({ inFlight: 0, delivered: 10 });
    await balanced();
  });
});
