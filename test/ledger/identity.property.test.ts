import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit, ensureSync, returnRows, type ClaimedBatch, type SyncIds, type Ways } from '../../src/ledger/index.js';
import { claimNext, settle, stageWith } from './kinds.js';
import { clear, createTestLedger, REFUSED, startRun, takeLease, type TestLedger, type TestRun } from './support.js';

let ledger: TestLedger;
let elsewhere: SyncIds;
beforeAll(async () => {
  ledger = await createTestLedger(4);
  elsewhere = await ensureSync(ledger.pool, { sync: 'c', source: 'shop', destination: 'second', account: 'acme', configHash: 'x', configured: ['a', 'b', 'c'] });
});
afterAll(() => ledger.close());

const UNKNOWN = { outcome: 'unknown', httpStatus: null, message: null };
const KEYS = ['k', 'l', 'm'];
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('read' as const), key: fc.constantFrom(...KEYS), elsewhere: fc.boolean(), email: fc.constantFrom<1 | 2>(1, 2, 2), identity: fc.constantFrom('P', 'P', 'Q') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), pick: fc.nat(), how: fc.constantFrom('taken', 'taken', 'refused', 'unknown') }) },
);

it('no history leads to a granted consent that leaves, or stays, for an identity one of whose claimants has opted out', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), fc.constantFrom<Ways>({ keyChange: 'ledger', identityChange: 'hold' }, { keyChange: 'ledger', identityChange: 'send' }), async (steps, ways) => {
    await clear(ledger.pool);
    const { pool } = ledger;
    const lease = await takeLease(pool, ledger.a.accountId);
    const runs: readonly [TestRun, TestRun] = [await startRun(pool, ledger.a), await startRun(pool, elsewhere)];
    /** What each source says of each of its contacts last. */
    const wishes = new Map<string, { readonly email: 1 | 2; readonly identity: string }>();
    const platform = new Map<string, number>();
    const open: ClaimedBatch[] = [];
    let clock = 0;
    const denied = (identity: string): boolean => [...wishes.values()].some((wish) => wish.identity === identity && wish.email === 1);
    const identityOf = (fields: string): string => (JSON.parse(fields) as { identity: string }).identity;
    const claim = async (): Promise<boolean> => {
      const batch = await claimNext(pool, lease, 2, true);
      if (batch === undefined) return false;
      for (const row of batch.rows) if (row.emailConsent === 2) expect(denied(identityOf(row.fields)), `granted for ${identityOf(row.fields)} by ${row.key}`).toBe(false);
      open.push(batch);
      return true;
    };
    const end = async (batch: ClaimedBatch, how: string): Promise<void> => {
      if (how !== 'refused') for (const row of batch.rows) platform.set(identityOf(row.fields), row.emailConsent);
      if (how === 'taken') await settle(pool, lease, batch);
      else {
        const plan = { status: how === 'refused' ? 'refused' as const : 'settled' as const, parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null };
        await returnRows(pool, lease, batch.id, plan, how === 'refused' ? REFUSED : UNKNOWN);
      }
    };
    for (const next of steps) {
      if (next.do === 'read') {
        const { key, email, identity } = next;
        const run = runs[Number(next.elsewhere)]!;
        wishes.set(`${Number(next.elsewhere)} ${key}`, { email, identity });
        await stageWith(pool, run, ways, [{ key, at: clock += 1, email, identity }]);
      } else if (next.do === 'claim') await claim();
      else if (open.length > 0) await end(open.splice(next.pick % open.length, 1)[0]!, next.how);
    }
    for (;;) {
      while (open.length > 0) await end(open.pop()!, 'taken');
      if (!(await claim())) break;
    }
    // Sent without an id, a contact leaves its former self behind at the platform; only held ones are still ours.
    if (ways.identityChange === 'hold') for (const [identity, email] of platform) if (denied(identity)) expect({ identity, email }).toEqual({ identity, email: 1 });
    expect((await audit(pool, null)).runs.flatMap((one) => one.faults)).toEqual([]);
  }), { numRuns: Number(process.env['MODEL_RUNS'] ?? 10), endOnFailure: process.env['MODEL_SHRINK'] === undefined });
}, 300_000);
