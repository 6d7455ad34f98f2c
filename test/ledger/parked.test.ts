import { afterAll, beforeAll, expect, test } from 'vitest';
import { audit, claimable, claimBatch, endExtraction, learnOptOuts, parkOld, settleAnswered } from '../../src/ledger/index.js';
import { ANSWERED, claimAny, createTestLedger, stage, startRun, takeLease, type TestLedger } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());

test('an opt-out of a restored ledger waits until a run has read it again, also where that finds it as it was, and then goes at once', async () => {
  const { pool, a } = ledger;
  const lease = await takeLease(pool, a.accountId);
  const before = await startRun(pool, a);
  await stage(pool, before, [{ key: 'k', at: 1, value: 'A', consent: 2 }]);
  const first = await claimAny(pool, lease);
  await settleAnswered(pool, lease, first!.id, { failed: [] }, ANSWERED);
  await stage(pool, before, [{ key: 'k', at: 2, value: 'A', consent: 1 }]);
  await endExtraction(pool, before.no, null, null);
  await pool.query('UPDATE sync SET reread_after = $1 WHERE id = $2', [before.no, a.syncId]);
  await parkOld(pool, a.accountId);
  expect(await claimable(pool, a.accountId, 1000)).toEqual([]);
  const again = await startRun(pool, a, 'full');
  await stage(pool, again, [{ key: 'k', at: 2, value: 'A', consent: 1 }]);
  await parkOld(pool, a.accountId);
  const [group] = await claimable(pool, a.accountId, 1000);
  const batch = await claimBatch(pool, lease, group!, 1000);
  expect(batch?.rows.map(({ key, emailConsent }) => [key, emailConsent])).toEqual([['k', 1]]);
  expect((await audit(pool, null)).runs.flatMap((one) => one.faults)).toEqual([]);
});

test('what is as old stays also where it came after the last look: an opt-out of the platform, of a contact whose old row waits', async () => {
  const { pool, b } = ledger;
  const lease = await takeLease(pool, b.accountId);
  const before = await startRun(pool, b);
  await stage(pool, before, [{ key: 'held', at: 1, value: 'A', consent: 2 }]);
  await claimAny(pool, lease).then((batch) => settleAnswered(pool, lease, batch!.id, { failed: [] }, ANSWERED));
  await stage(pool, before, [{ key: 'held', at: 2, value: 'B', consent: 2 }]);
  await endExtraction(pool, before.no, null, null);
  await pool.query('UPDATE sync SET reread_after = $1 WHERE id = $2', [before.no, b.syncId]);
  await parkOld(pool, b.accountId);
  await learnOptOuts(pool, { destination: { name: 'newsletter', account: 'acme' }, origin: 'webhook' }, [{ key: 'held', email: null, channel: 'email', at: null, reason: 'unsubscribed', evidence: 'act' }]);
  const [group] = await claimable(pool, b.accountId, 1000);
  expect(group).toMatchObject({ urgent: true });
  expect(await claimBatch(pool, lease, group!, 1000, { held: true })).toBeUndefined();
  const again = await startRun(pool, b, 'full');
  await stage(pool, again, [{ key: 'held', at: 3, value: 'C', consent: 1 }]);
  const batch = await claimBatch(pool, lease, group!, 1000, { held: true });
  expect(batch?.rows.map(({ key, fields, emailConsent }) => [key, fields.includes('C'), emailConsent])).toEqual([['held', true, 1]]);
  expect((await audit(pool, null)).runs.flatMap((one) => one.faults)).toEqual([]);
});
