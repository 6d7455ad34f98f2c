import { afterAll, beforeAll, expect, test } from 'vitest';
import { audit, closeRun, contactStory, listFailures, prunable, prune, runDocument, settleAnswered } from '../../src/ledger/index.js';
import { ANSWERED, claimLoose, clear, createTestLedger, stage, startRun, takeLease, type TestLedger, type TestRun, type Wish } from './support.js';

const DAY = 86_400_000;
let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(async () => { await ledger.close(); });

/** A run that sends what differs, in calls of two rows; whoever is in `refused` is rejected. */
async function run(wishes: readonly Wish[], refused: readonly string[] = [], sends = true): Promise<TestRun> {
  const { pool, a } = ledger;
  const made = await startRun(pool, a, 'full');
  await stage(pool, made, wishes);
  const lease = await takeLease(pool, a.accountId);
  for (let batch = sends ? await claimLoose(pool, lease, a.destinationId, 2) : undefined; batch; batch = await claimLoose(pool, lease, a.destinationId, 2)) {
    const failed = batch.rows.filter(({ key }) => refused.includes(key)).map(({ ord }) => ({ ord, reason: 'not wanted', code: 'refused' }));
    await settleAnswered(pool, lease, batch.id, { failed }, ANSWERED);
  }
  await closeRun(pool, made.no, sends ? 'completed' : 'failed', null);
  return made;
}

const rows = async (table: string): Promise<number> => (await ledger.pool.query<{ count: number }>(`SELECT count(*) AS count FROM ${table}`)).rows[0]?.count ?? 0;

test('old runs lose their rows and keep their books; what is held, waits or is rejected stays, and an interrupted prune goes on', async () => {
  const { pool } = ledger;
  const first = await run([1, 2, 3, 4, 5].map((n) => ({ key: `k${String(n)}`, at: 1, value: 'one' })));
  const second = await run([1, 2, 3, 4, 5].map((n) => ({ key: `k${String(n)}`, at: 2, value: n < 4 ? 'two' : 'one' })).concat({ key: 'bad', at: 2, value: 'x' }, { key: 'mended', at: 2, value: 'x' }), ['bad', 'mended']);
  const third = await run([{ key: 'mended', at: 3, value: 'y' }]);
  const open = await run([{ key: 'waits', at: 4, value: 'one' }], [], false);
  const runs = [first, second, third, open];
  const documents = (): Promise<readonly unknown[]> => Promise.all(runs.map(async ({ id }) => {
    const { batches: _, prunedAt: __, lane: ___, endedAt: ____, ...document } = (await runDocument(pool, id))!;
    return document;
  }));
  const books = async (): Promise<readonly unknown[]> => (await audit(pool, null)).runs.map(({ counts, balanced, faults }) => ({ counts, balanced, faults }));
  const before = [await documents(), await books(), await listFailures(pool, 'a', 10), (await contactStory(pool, 'a', 'k5'))?.delivered];

  // Young runs are left alone.
  expect(await prunable(pool, DAY)).toMatchObject({ runs: 0 });
  await pool.query(`UPDATE run SET ended_at = ended_at - interval '2 days'`);
  expect(await prunable(pool, DAY)).toMatchObject({ runs: 3 });
  const stop = new AbortController();
  const half = await prune(pool, DAY, stop.signal, () => { stop.abort(); });
  expect(half.runs).toBe(1);
  expect([await documents(), await books()]).toEqual(before.slice(0, 2));
  const rest = await prune(pool, DAY, new AbortController().signal);
  expect(rest).toMatchObject({ runs: 2, rejections: 1 });

  expect([await documents(), await books(), await listFailures(pool, 'a', 10), (await contactStory(pool, 'a', 'k5'))?.delivered]).toEqual(before);
  // Five contacts and the mended one: of each the row that is held.
  expect([await rows('batch_row'), await rows('contact'), await rows('outbox')]).toEqual([6, 6, 1]);
  expect(await rows('contact c JOIN batch_row r ON r.batch_id = c.batch_id AND r.ord = c.ord JOIN batch b ON b.id = c.batch_id')).toBe(6);
  expect(await prune(pool, DAY, new AbortController().signal)).toMatchObject({ runs: 0, sentRows: 0 });

  // And the source is compared with what is held as before.
  const again = await run([{ key: 'k1', at: 2, value: 'two' }, { key: 'k2', at: 5, value: 'three' }]);
  expect((await runDocument(pool, again.id))?.counts).toMatchObject({ unchanged: 1, queued: 1 });
});

test('what a pruned run had to keep goes with a later prune, once something newer is held', async () => {
  const { pool } = ledger;
  const age = (): Promise<unknown> => pool.query(`UPDATE run SET ended_at = ended_at - interval '2 days'`);
  const pruneNow = (): ReturnType<typeof prune> => prune(pool, DAY, new AbortController().signal);
  const sent = async (): Promise<readonly string[]> => (await pool.query<{ value: string }>(
    `SELECT key || ' ' || (fields::jsonb ->> 'value') AS value FROM batch_row WHERE key LIKE 'p%' ORDER BY 1`)).rows.map(({ value }) => value);
  await clear(pool);
  await run([{ key: 'p1', at: 1, value: 'A' }, { key: 'p2', at: 1, value: 'A' }, { key: 'p3', at: 1, value: 'A' }]);
  await age();
  await pruneNow();
  expect(await sent()).toEqual(['p1 A', 'p2 A', 'p3 A']);
  await run([{ key: 'p1', at: 2, value: 'B' }, { key: 'p3', at: 2, value: 'B' }]);
  await run([{ key: 'p1', at: 3, value: 'C' }]);

  // The newer runs are young yet: only what was kept is looked at.
  expect(await prunable(pool, DAY)).toMatchObject({ runs: 0, sentRows: 2 });
  expect(await pruneNow()).toMatchObject({ runs: 0, sentRows: 2, calls: 1 });
  expect(await sent()).toEqual(['p1 B', 'p1 C', 'p2 A', 'p3 B']);
  await age();
  expect(await pruneNow()).toMatchObject({ runs: 2, sentRows: 1 });
  expect(await sent()).toEqual(['p1 C', 'p2 A', 'p3 B']);
  expect(await rows('contact c JOIN batch_row r ON r.batch_id = c.batch_id AND r.ord = c.ord JOIN batch b ON b.id = c.batch_id')).toBe(3);
  expect(await prunable(pool, DAY)).toMatchObject({ runs: 0, sentRows: 0 });
  expect(await pruneNow()).toMatchObject({ runs: 0, sentRows: 0, calls: 0 });
  expect((await audit(pool, null)).runs.filter(({ balanced, faults }) => !balanced || faults.length > 0)).toEqual([]);
});
