import { afterAll, beforeAll, expect, test } from 'vitest';
import { callsBetween, differenceCounts, failureCounts, storeDifferences, type Difference } from '../../src/ledger/index.js';
import { createTestLedger, type TestLedger } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(() => ledger.close());

test('calls of an account are told in order, with what they did for one run; of too many the newest', async () => {
  const { pool, a } = ledger;
  await pool.query(
    `INSERT INTO batch (account_id, destination_id, action, fence, status, rows, attempt, outcome, started_at, answered_at)
     SELECT $1, $2, 0, 1, 'settled', i, 1, 'answered', '2026-01-01T00:00:00Z'::timestamptz + i * interval '1 minute', '2026-01-01T00:00:01Z'::timestamptz + i * interval '1 minute'
     FROM generate_series(1, 5) i`, [a.accountId, a.destinationId]);
  await pool.query(`INSERT INTO batch_run SELECT id, 77, rows, rows - 1, 1, 0 FROM batch WHERE rows = 3`);
  await pool.query(`UPDATE batch SET answered_at = NULL, status = 'sending', outcome = NULL WHERE rows = 4`);
  const found = await callsBetween(pool, a.accountId, 77, { from: '2026-01-01T00:02:00Z', to: '2026-01-01T00:04:00Z' }, 100);
  expect(found.map(({ startedAt, ...call }) => ({ at: new Date(startedAt).toISOString().slice(14, 19), ...call }))).toEqual([
    { at: '02:00', durationMs: 1_000, rows: 2, outcome: 'answered', status: 'settled', ofRun: null },
    { at: '03:00', durationMs: 1_000, rows: 3, outcome: 'answered', status: 'settled', ofRun: { rows: 3, delivered: 2, rejected: 1 } },
    { at: '04:00', durationMs: null, rows: 4, outcome: null, status: 'sending', ofRun: null },
  ]);
  const newest = await callsBetween(pool, a.accountId, 77, { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' }, 2);
  expect(newest.map(({ rows }) => rows)).toEqual([4, 5]);
});

test('what was not delivered is counted by code, with our own words and never a platform\'s', async () => {
  const { pool, a } = ledger;
  const reject = (code: string, reason: string, count: number) => pool.query(
    `INSERT INTO rejection (destination_id, sync_id, run_no, key, code, reason) SELECT $1, $2, 77, i::text, $3, $4 FROM generate_series(1, $5) i`, [a.destinationId, a.syncId, code, reason, count]);
  await reject('invalid', 'email: not possible', 3);
  await reject('invalid', 'no key', 1);
  await reject('invalid_email', 'Ann is not an address', 2);
  expect(await failureCounts(pool, 77)).toEqual([
    { code: 'invalid', reason: 'email: not possible', count: 3 }, { code: 'invalid_email', reason: null, count: 2 }, { code: 'invalid', reason: 'no key', count: 1 },
  ]);
});

test('what differs is counted by kind and reason, likewise', async () => {
  const { pool, a } = ledger;
  const difference = (key: string, kind: Difference['kind'], why: string): Difference => ({ key, locale: 'en', kind, why, expected: null, found: null });
  async function* found(): AsyncGenerator<Difference> {
    yield* [difference('1', 'missing', 'rejected: Ann is not an address'), difference('2', 'missing', 'rejected: Bob neither'), difference('3', 'different', 'differs in city')];
    await Promise.resolve();
  }
  await storeDifferences(pool, 'v', a.syncId, found(), () => undefined);
  expect(await differenceCounts(pool, 'v')).toEqual([{ kind: 'missing', why: 'rejected by the platform', count: 2 }, { kind: 'different', why: 'differs in city', count: 1 }]);
});
