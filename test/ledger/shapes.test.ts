import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit, type ClaimedBatch } from '../../src/ledger/index.js';
import { claimNext, settle, stageWith, type FullWish } from './kinds.js';
import { clear, createTestLedger, startRun, takeLease, type TestLedger } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());

const SIZE = 5;

it('rows of different column sets never share a call, and each call is full while enough of its kind wait, across two syncs of a destination', async () => {
  const kinds = fc.array(fc.record({ shape: fc.constantFrom(undefined, 'email', 'email,gsm'), action: fc.constantFrom<0 | 1>(0, 0, 0, 1), other: fc.boolean() }), { minLength: 1, maxLength: 40 });
  await fc.assert(fc.asyncProperty(kinds, async (rows) => {
    await clear(ledger.pool);
    const lease = await takeLease(ledger.pool, ledger.a.accountId);
    const wishes = rows.map((row, index): FullWish & { readonly other: boolean } => ({
      key: `k${index}`, at: 1, action: row.action, other: row.other, ...(row.shape === undefined ? {} : { shape: row.shape }),
    }));
    for (const [ids, other] of [[ledger.a, false], [ledger.b, true]] as const) {
      const page = wishes.filter((one) => one.other === other);
      if (page.length > 0) await stageWith(ledger.pool, await startRun(ledger.pool, ids), { consent: 'whenChanged', keyChange: 'platform' }, page);
    }
    const nameOf = (key: string): string => { const { action, shape = '' } = wishes[Number(key.slice(1))]!; return `${action} ${shape}`; };
    const left = new Map<string, number>();
    for (const { key } of wishes) left.set(nameOf(key), (left.get(nameOf(key)) ?? 0) + 1);
    for (let batch: ClaimedBatch | undefined; (batch = await claimNext(ledger.pool, lease, SIZE)) !== undefined;) {
      const names = new Set(batch.rows.map((row) => nameOf(row.key)));
      expect(names.size).toBe(1);
      const name = nameOf(batch.rows[0]!.key);
      const waiting = left.get(name)!;
      expect(batch.rows).toHaveLength(Math.min(SIZE, waiting));
      left.set(name, waiting - batch.rows.length);
      await settle(ledger.pool, lease, batch);
    }
    expect([...left.values()].every((count) => count === 0)).toBe(true);
    expect((await audit(ledger.pool, null)).balanced).toBe(true);
  }), { numRuns: 8, endOnFailure: true });
});
