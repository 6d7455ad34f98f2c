import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeRun, ensureSync, settleAnswered, unsettledBefore } from '../../src/ledger/index.js';
import { ANSWERED, claimAny, createTestLedger, stage, startRun, SYNCS, takeLease, type TestLedger, type TestRun } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(() => ledger.close());

const ended = async ({ no }: TestRun): Promise<void> => { await ledger.pool.query('UPDATE run SET extracting = false WHERE no = $1', [no]); };

test('earlier runs with rows on their way are told until all are settled, failed ones too; not those of another sync, or for a destination the sync has left', async () => {
  const { pool, a, b } = ledger;
  const lease = await takeLease(pool, a.accountId);
  const failed = await startRun(pool, a);
  await stage(pool, failed, [{ key: '1', at: 1, value: 'A' }]);
  await closeRun(pool, failed.no, 'failed', 'the source broke off');
  const waits = await startRun(pool, a);
  await stage(pool, waits, [{ key: '2', at: 1, value: 'A' }]);
  await ended(waits);
  const other = await startRun(pool, b);
  await stage(pool, other, [{ key: '3', at: 1, value: 'A' }]);
  await ended(other);
  const next = await startRun(pool, a);
  const told = async (): Promise<readonly string[]> => (await unsettledBefore(pool, next.id)).map(({ run }) => run);
  expect(await told()).toEqual([failed.id, waits.id]);
  const batch = await claimAny(pool, lease, 1);
  expect(batch?.rows.map(({ key }) => key)).toEqual(['1']);
  expect(await told()).toEqual([failed.id, waits.id]);
  await settleAnswered(pool, lease, batch!.id, { failed: [] }, ANSWERED);
  expect(await told()).toEqual([waits.id]);
  await ensureSync(pool, { sync: 'a', source: 'crm', destination: 'elsewhere', account: 'acme', configHash: 'x', configured: SYNCS });
  expect(await told()).toEqual([]);
});
