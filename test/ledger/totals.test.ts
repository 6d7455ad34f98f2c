import { afterAll, beforeAll, expect, test } from 'vitest';
import { addTotals, closeRun, endExtraction, measureLedger, setPaused, settleAnswered, showLane, type LedgerMeasures } from '../../src/ledger/index.js';
import { ANSWERED, claimAny, createTestLedger, stage, startRun, takeLease, type TestLedger, type TestRun } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(() => ledger.close());

const measured = (): Promise<LedgerMeasures> => measureLedger(ledger.pool, 5_000);
/** Of sync a, but for what is 0. */
const rowsOf = ({ rows }: LedgerMeasures): Record<string, number> =>
  Object.fromEntries((rows ?? []).filter(({ sync, rows: count }) => sync === 'a' && count > 0).map(({ outcome, rows: count }) => [outcome, count]));
const wishes = (from: number, count: number, value: string): { key: string; at: number; value: string }[] =>
  Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, at: 1, value }));
const end = async (run: TestRun, status: 'completed_with_rejects' | 'failed'): Promise<void> => {
  await endExtraction(ledger.pool, run.no, null, null);
  await closeRun(ledger.pool, run.no, status, null);
};

test('totals are those of the books at every moment, whoever adds up, how often, and whatever is removed; what waits is told from the books', async () => {
  const { pool, a } = ledger;
  const first = await startRun(pool, a);
  await stage(pool, first, wishes(0, 10, 'x'), { invalid: [{ key: null, place: 'line 3', reason: 'no key', optedIn: false }] });
  expect(rowsOf(await measured())).toEqual({ read: 11, invalid: 1 });
  const lease = await takeLease(pool, a.accountId);
  const batch = (await claimAny(pool, lease, 8))!;
  expect((await measured()).inFlight).toMatchObject([{ account: 'acme', destination: 'newsletter', status: 'sending', calls: 1, rows: 8 }]);
  await settleAnswered(pool, lease, batch.id, { failed: [{ ord: 3, code: 'row', reason: 'invalid email' }] }, ANSWERED);
  expect(rowsOf(await measured())).toEqual({ read: 11, invalid: 1, delivered: 7, rejected: 1 });

  // It failed with rows that wait: it is not over.
  await end(first, 'failed');
  expect(await addTotals(pool)).toBe(0);
  const backfill = await startRun(pool, a, 'backfill');
  await stage(pool, backfill, wishes(100, 5, 'y'), { priority: 3 });
  expect((await measured()).waiting).toEqual(expect.arrayContaining([
    { destination: 'newsletter', class: 'incremental', rows: 2 }, { destination: 'newsletter', class: 'backfill', rows: 5 }, { destination: 'newsletter', class: 'opt_out', rows: 0 },
  ]));
  expect((await measured()).oldest.map(({ class: name }) => name).sort()).toEqual(['backfill', 'incremental']);
  for (let next = await claimAny(pool, lease); next !== undefined; next = await claimAny(pool, lease)) await settleAnswered(pool, lease, next.id, { failed: [] }, ANSWERED);

  const before = rowsOf(await measured());
  expect(before).toEqual({ read: 16, invalid: 1, delivered: 14, rejected: 1 });
  // Several workers sweep at once: each run is added once.
  const added = await Promise.all([addTotals(pool), addTotals(pool), addTotals(pool)]);
  expect(added.reduce((sum, one) => sum + one)).toBe(1);
  expect(rowsOf(await measured())).toEqual(before);
  await end(backfill, 'completed_with_rejects');
  expect([await addTotals(pool), await addTotals(pool)]).toEqual([1, 0]);
  for (const table of ['page', 'batch_run', 'rejection']) await pool.query(`DELETE FROM ${table}`);
  await pool.query('DELETE FROM run');
  expect(rowsOf(await measured())).toEqual(before);
});

test('opt-outs that wait are counted apart, and the oldest is told until it has taken effect, also while it is under way', async () => {
  const { pool, a } = ledger;
  const run = await startRun(pool, a);
  await stage(pool, run, [...wishes(200, 3, 'z'), { key: 'out', at: 1, value: 'z', consent: 1 }]);
  await pool.query("UPDATE outbox SET priority = 0, staged_at = clock_timestamp() - interval '100 seconds' WHERE key = 'out'");
  const waiting = await measured();
  expect(waiting.waiting).toEqual(expect.arrayContaining([{ destination: 'newsletter', class: 'opt_out', rows: 1 }, { destination: 'newsletter', class: 'incremental', rows: 3 }]));
  const oldest = waiting.oldest.find(({ class: name }) => name === 'opt_out')?.seconds ?? 0;
  expect(oldest).toBeGreaterThanOrEqual(100);
  const lease = await takeLease(pool, a.accountId);
  const batch = (await claimAny(pool, lease))!;
  expect((await measured()).inFlight[0]?.oldestOptOut ?? 0).toBeGreaterThanOrEqual(oldest);
  await settleAnswered(pool, lease, batch.id, { failed: [] }, ANSWERED);
  expect((await measured()).inFlight).toEqual([]);
});

test('seconds of waits only grow, while a wait goes on, when it ends, and when it is added up and removed', async () => {
  const { pool, a } = ledger;
  const paused = async (): Promise<number> => (await measured()).waits.find(({ cause }) => cause === 'paused')?.seconds ?? 0;
  const seen = [await paused()];
  await showLane(pool, a.accountId, { state: 'sending' });
  await setPaused(pool, 'acme', true);
  await pool.query("UPDATE lane_wait SET from_at = from_at - interval '1 minute' WHERE to_at IS NULL");
  seen.push(await paused());
  await addTotals(pool);
  seen.push(await paused());
  await setPaused(pool, 'acme', false);
  seen.push(await paused());
  await addTotals(pool);
  await pool.query('DELETE FROM lane_wait');
  seen.push(await paused());
  await setPaused(pool, 'acme', true);
  seen.push(await paused());
  expect(seen).toEqual([...seen].sort((x, y) => x - y));
  expect(seen.at(-1)).toBeGreaterThan(60);
  expect(seen.at(-1)).toBeLessThan(100);
});

test.runIf(process.env['SYNCLINE_LONG'] === '1')('with a million waiting rows that were just queued it takes well below a second', { timeout: 240_000 }, async () => {
  const { pool, a } = ledger;
  const run = await startRun(pool, a, 'backfill');
  await stage(pool, run, wishes(1_000, 1, 'm'), { priority: 3 });
  await pool.query(
    `INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, priority, action, email, sms, known, fp, locale, fields, kind)
     SELECT o.destination_id, 'm' || i, nextval('outbox_seq'), o.version, o.sync_id, o.run_no, CASE WHEN i % 500 = 0 THEN 0 ELSE 3 END, 0, 2, 3, true, o.fp, 'en', repeat('x', 300), o.kind
     FROM outbox o, generate_series(1, 1000000) i WHERE o.key = 'k1000'`);
  await pool.query('UPDATE page SET extracted = extracted + 1000000, queued = queued + 1000000 WHERE run_no = $1', [run.no]);
  const took: number[] = [];
  for (let i = 0; i < 5; i++) {
    const startedAt = performance.now();
    const { waiting } = await measured();
    took.push(performance.now() - startedAt);
    expect(waiting).toEqual(expect.arrayContaining([{ destination: 'newsletter', class: 'backfill', rows: 998_001 }, { destination: 'newsletter', class: 'opt_out', rows: 2_000 }]));
  }
  expect(Math.max(...took)).toBeLessThan(500);
  process.stderr.write(`measured in ${took.map((ms) => Math.round(ms)).join(', ')} ms\n`);
});
