import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit, returnRows, settleAnswered } from '../../src/ledger/index.js';
import { ANSWERED, claimAny, createTestLedger, REFUSED, stage, startRun, takeLease, valueOf, type TestLedger, type TestRun } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(10); });
afterAll(() => ledger.close());

const KEYS = Array.from({ length: 40 }, (_, index) => `k${index}`);
const FOR_MS = 3_500;

it('two readers, a driver with calls at once and an auditor side by side lose no row, double none, and the books hold at every moment', async () => {
  const { pool, a } = ledger;
  const lease = await takeLease(pool, a.accountId);
  const until = performance.now() + FOR_MS;
  let clock = 0;
  /** Newest state of each contact, and what the platform was told last. */
  const crm = new Map<string, { value: string; at: number }>();
  const platform = new Map<string, string>();
  const flying = new Set<string>();
  let pages = 0;
  let claims = 0;
  let audits = 0;

  const read = async (run: TestRun, priority: number): Promise<void> => {
    while (performance.now() < until) {
      clock += 1;
      for (const key of KEYS) if (Math.random() < 0.3) crm.set(key, { value: String(Math.floor(Math.random() * 4)), at: clock });
      // Read now, staged later: the other reader may overtake this page.
      const rows = [...crm].filter(() => Math.random() < 0.7).sort(() => Math.random() - 0.5).map(([key, state]) => ({ key, ...state }));
      await stage(pool, run, rows, { priority });
      pages += 1;
    }
  };
  const deliver = async (): Promise<void> => {
    const calls = new Set<Promise<void>>();
    while (performance.now() < until || calls.size > 0) {
      const batch = performance.now() < until && calls.size < 4 ? await claimAny(pool, lease, 7) : undefined;
      if (!batch) {
        if (calls.size > 0) await Promise.race(calls);
        else await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      claims += 1;
      for (const row of batch.rows) {
        expect(flying.has(row.key)).toBe(false);
        flying.add(row.key);
      }
      const call: Promise<void> = (async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
        const refused = Math.random() < 0.2;
        if (!refused) for (const row of batch.rows) platform.set(row.key, valueOf(row.fields));
        // From here on others may be given these contacts: the ledger decides when.
        for (const row of batch.rows) flying.delete(row.key);
        if (refused) await returnRows(pool, lease, batch.id, { status: 'refused', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null }, REFUSED);
        else await settleAnswered(pool, lease, batch.id, { failed: [] }, ANSWERED);
      })().finally(() => calls.delete(call));
      calls.add(call);
    }
  };
  const check = async (): Promise<void> => {
    while (performance.now() < until) {
      expect((await audit(pool, null)).runs.flatMap((run) => run.faults)).toEqual([]);
      audits += 1;
    }
  };
  const first = await startRun(pool, a);
  const second = await startRun(pool, a, 'backfill');
  await Promise.all([read(first, 1), read(second, 3), deliver(), check()]);
  await stage(pool, first, [...crm].map(([key, state]) => ({ key, ...state })));
  for (let batch = await claimAny(pool, lease); batch; batch = await claimAny(pool, lease)) {
    for (const row of batch.rows) platform.set(row.key, valueOf(row.fields));
    await settleAnswered(pool, lease, batch.id, { failed: [] }, ANSWERED);
  }
  expect(Object.fromEntries([...platform].sort())).toEqual(Object.fromEntries([...crm].map(([key, state]) => [key, state.value] as const).sort()));
  expect((await audit(pool, null)).runs.flatMap((run) => run.faults)).toEqual([]);
  // Each took its part; how often is the machine's affair.
  expect(Math.min(pages, claims, audits)).toBeGreaterThan(2);
});
