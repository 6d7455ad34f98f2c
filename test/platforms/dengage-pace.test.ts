import { describe, expect, test, type TestContext } from 'vitest';
import { audit, statusDocument } from '../../src/ledger/index.js';
import type { CallStats } from '../../src/sandbox/index.js';
import { createDengageWorld, plantPeople, type DengageWorld, type DengageWorldOptions } from './dengage-world.js';
import { startWorkerProcess } from './worker-process.js';

/** The lease of a lane, seconds. */
const LEASE = 10;
/** Also what takes minutes, and figures that only a machine with nothing else to do can be held to. */
const LONG = process.env['SYNCLINE_LONG'] !== undefined;

/** Tests run side by side here: what is to be taken away belongs to one of them. */
type Finishing = Pick<TestContext, 'onTestFinished'>;

async function worldOf({ onTestFinished }: Finishing, options: DengageWorldOptions): Promise<DengageWorld> {
  const world = await createDengageWorld(options);
  onTestFinished(() => world.close());
  return world;
}

type BulkCall = CallStats['log'][number];
const bulkCalls = (world: DengageWorld): readonly BulkCall[] => world.sandbox.dengage.stats().log.filter((call) => call.route.endsWith('/bulk/contacts'));
const gapsOf = (calls: readonly BulkCall[]): readonly number[] => calls.slice(1).map((call, i) => call.at - (calls[i] as BulkCall).at);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const ended = (document: { readonly endedAt: string | null }): boolean => document.endedAt !== null;

/** Milliseconds from the answer to each call to the start of the next, as the ledger keeps them for the last calls. */
async function waits(world: DengageWorld): Promise<readonly number[]> {
  const { rows } = await world.pool.query<{ waited: number }>(
    `SELECT (EXTRACT(EPOCH FROM started_at - lag(answered_at) OVER (ORDER BY call)) * 1000)::float8 AS waited FROM pace_slot WHERE bucket = 'main' ORDER BY call`,
  );
  return rows.slice(1).map((row) => row.waited);
}

describe.concurrent('one call at a time, a gap between two', () => {
  test('across two syncs, a full run and two worker processes, one of them killed: none refused, none early, every call full, the gap used', async ({ onTestFinished, expect }) => {
    const gap = 1_000;
    const world = await worldOf({ onTestFinished }, { gap, worker: false });
    await plantPeople(world.crm, 2_000);
    const workers = await Promise.all([startWorkerProcess(world.directory), startWorkerProcess(world.directory)]);
    onTestFinished(() => Promise.all(workers.map((worker) => worker.stop())).then(() => undefined));
    await world.run();
    const before = bulkCalls(world).length;

    // Dated before the cursor: only a full run finds them.
    await world.crm.query(`UPDATE contacts SET city = 'Bergen'`);
    await plantPeople(world.crm, 3_000, 'n');
    await world.crm.query(`UPDATE contacts SET updated_at = clock_timestamp() WHERE external_id LIKE 'n%'`);
    await plantPeople(world.crm, 6_000, 's', 'shoppers');
    const runs = [await world.start({}, 'crm-loyalty'), await world.start({}, 'shop-loyalty')];
    await world.until(runs[0] as string, (document) => !document.extracting);
    runs.push(await world.start({ kind: 'full', allowMassChange: true }, 'crm-loyalty'));

    // The test's own: the file's does not know to which of two at once it belongs.
    await expect.poll(() => bulkCalls(world).length, { timeout: 120_000, interval: 20 }).toBeGreaterThanOrEqual(before + 4);
    const owner = (await world.pool.query<{ lease_owner: string }>('SELECT lease_owner FROM account WHERE name = $1', [world.account])).rows[0]?.lease_owner ?? '';
    const driver = workers.find((worker) => owner.split('/')[1] === String(worker.pid));
    expect(driver, `${owner} is one of the two workers`).toBeDefined();
    await driver?.kill();
    const killedAt = performance.timeOrigin + performance.now();

    for (const run of runs) expect((await world.until(run, ended)).status).toBe('completed');
    const calls = bulkCalls(world).slice(before);
    const stats = world.sandbox.dengage.stats();
    expect(stats).toMatchObject({ refused: 0, maxOpen: 1 });
    expect(stats.minGapMs).toBeGreaterThanOrEqual(gap);

    const resumed = calls.find((call) => call.at > killedAt);
    const away = (resumed?.at ?? Infinity) - killedAt;
    const gaps = gapsOf(calls).filter((_, i) => calls[i + 1] !== resumed);
    const used = (gaps.length * gap) / gaps.reduce((sum, one) => sum + one, 0);
    console.log(`D·engage, a gap of 1 s, two processes: ${calls.length} calls, least gap ${seconds(stats.minGapMs ?? 0)}, ${(used * 100).toFixed(1)} % of the possible calls used; ` +
      `the other worker went on ${seconds(away)} after the kill`);
    // A machine with other things to do answers late, and the next gap begins with the answer.
    if (LONG) expect(used).toBeGreaterThanOrEqual(0.98);
    // By the ledger's clock a call is due a gap after the last answer, and no later.
    const waited = (await waits(world)).slice(before).sort((one, other) => one - other);
    if (LONG) expect(waited[Math.floor(waited.length / 2)]).toBeLessThan(gap * 1.02);
    expect(resumed).toBeDefined();
    // Its lease, and the time in which Temporal learns of the death, which begins a little later.
    if (LONG) expect(away).toBeLessThan((LEASE + 7) * 1_000);
    // Nine of new contacts, two of changed ones, and once more what was under way when its worker died.
    expect(calls.map((call) => call.rows)).toEqual(calls.map(() => 1_000));
    expect([11, 12]).toContain(calls.length);
    expect(world.sandbox.dengage.size()).toBe(11_000);
    const held = [...world.sandbox.dengage.contacts()];
    expect(held.filter((contact) => contact['city'] === 'Bergen')).toHaveLength(2_000);
    expect(held.filter((contact) => contact['email_permission'] === true)).toHaveLength(8_800);
    expect((await audit(world.pool, null)).balanced).toBe(true);
  }, 300_000);

  test('a worker that has to log in first shows the lane waiting for that turn, not idle', async ({ onTestFinished, expect }) => {
    const world = await worldOf({ onTestFinished }, { gap: 4_000, worker: false, destination: 'limits: {calls: 1, per: 4s, concurrency: 1}' });
    const first = await world.host();
    await plantPeople(world.crm, 5);
    await world.run();
    await first.stop();
    await plantPeople(world.crm, 5, 'n');
    await world.crm.query(`UPDATE contacts SET updated_at = clock_timestamp() WHERE external_id LIKE 'n%'`);
    await world.host();
    // However long the change of workers took, the next call has its wait before it.
    await world.pool.query(`UPDATE pace SET not_before = clock_timestamp() + interval '8 seconds'`);
    const run = await world.start();
    await expect.poll(async () => (await statusDocument(world.pool)).lanes[0], { timeout: 60_000, interval: 50 })
      .toMatchObject({ state: 'waiting', reason: 'loyalty allows one call in 4 s, and the log-in takes one', until: expect.any(String) });
    expect((await world.until(run, ended)).counts).toMatchObject({ delivered: 5 });
    await expect.poll(async () => (await statusDocument(world.pool)).lanes[0], { timeout: 60_000, interval: 50 }).toMatchObject({ state: 'idle', reason: null });
  }, 240_000);

  test('where the gap is long a durable timer waits it out: no call leaves early, none a second late', async ({ onTestFinished }) => {
    await onTheDot({ onTestFinished }, 5_000, 4);
  }, 240_000);
});

test.runIf(LONG)('at a call a minute five calls leave on the minute', async ({ onTestFinished }) => {
  await onTheDot({ onTestFinished }, 60_000, 5);
}, 400_000);

async function onTheDot(context: Finishing, gap: number, count: number): Promise<void> {
  const world = await worldOf(context, { gap, destination: 'batchSize: 10' });
  await plantPeople(world.crm, count * 10);
  const run = await world.run();
  expect(run.counts).toMatchObject({ delivered: count * 10 });
  const calls = bulkCalls(world);
  expect(calls.map((call) => [call.rows, call.status])).toEqual(calls.map(() => [10, 200]));
  const gaps = gapsOf(calls);
  console.log(`D·engage, a gap of ${gap / 1000} s, durable timers: gaps of ${gaps.map(seconds).join(', ')}`);
  expect(gaps).toHaveLength(count - 1);
  for (const one of gaps) {
    expect(one).toBeGreaterThanOrEqual(gap);
    if (LONG) expect(one).toBeLessThan(gap + 1_000);
  }
  const { events } = await world.laneHistory();
  const of = (type: string): number => (events ?? []).filter((event) => type in event && event[type as keyof typeof event] !== null).length;
  expect(of('timerFiredEventAttributes')).toBeGreaterThanOrEqual(count - 1);
}
