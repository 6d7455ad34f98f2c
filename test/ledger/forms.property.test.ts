import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit, returnRows, type ClaimedBatch, type Ways } from '../../src/ledger/index.js';
import { claimNext, settle, stageWith } from './kinds.js';
import { clear, createTestLedger, REFUSED, startRun, takeLease, type TestLedger } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());

const WAYS: Ways = { consent: 'whenChanged', keyChange: 'platform' };
const UNKNOWN = { outcome: 'unknown', httpStatus: null, message: null };
const KEYS = ['k', 'l', 'm'];
const key = fc.constantFrom(...KEYS);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('read' as const), key, email: fc.constantFrom<0 | 1 | 2>(0, 1, 2, 2), value: fc.constantFrom('A', 'B', 'C') }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), pick: fc.nat(), how: fc.constantFrom('taken', 'taken', 'rejected', 'refused', 'arrived', 'lost') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('person' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gone' as const), key }) },
);

/** Defaults permissions to true on insert; inserts only where consent is said. */
class Platform {
  readonly held = new Map<string, { granted: boolean; value: string; ownOptOut: boolean }>();

  /** @returns positions of rows whose contact is not there */
  take({ form, rows }: ClaimedBatch, not: ReadonlySet<number> = new Set()): readonly number[] {
    const absent: number[] = [];
    for (const row of rows) {
      if (not.has(row.ord)) continue;
      const there = this.held.get(row.key);
      if (there === undefined && !form.consent) { absent.push(row.ord); continue; }
      const { value } = JSON.parse(row.fields) as { value: string };
      if (form.consent) this.held.set(row.key, { granted: row.emailConsent === 2, value, ownOptOut: false });
      else there!.value = value;
    }
    return absent;
  }
}

it('an opt-out made at the platform survives every row whose consent did not change, and one of the source always arrives', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 35 }), async (steps) => {
    await clear(ledger.pool);
    const { pool } = ledger;
    const lease = await takeLease(pool, ledger.a.accountId);
    const run = await startRun(pool, ledger.a);
    const platform = new Platform();
    const wishes = new Map<string, { readonly email: 0 | 1 | 2; readonly value: string }>();
    const open: ClaimedBatch[] = [];
    let clock = 0;
    /** Wishes for another consent, calls without an answer and rejections since a person last opted out there: only these may say consent again. */
    const mayTouch = new Set<string>();
    const said = new Map<string, 0 | 1 | 2>();
    const claim = async (): Promise<boolean> => {
      const batch = await claimNext(pool, lease, 2);
      if (batch === undefined) return false;
      open.push(batch);
      return true;
    };
    const end = async (batch: ClaimedBatch, how: string): Promise<void> => {
      if (batch.form.consent) {
        for (const row of batch.rows) {
          const there = platform.held.get(row.key);
          if (there?.ownOptOut === true && how !== 'refused' && how !== 'lost') expect(mayTouch.has(row.key), `${row.key} said consent again`).toBe(true);
        }
      }
      if (how === 'taken' || how === 'rejected') {
        const failed = how === 'rejected' ? [{ ord: 0, code: 'x', reason: 'x' }] : [];
        const absent = platform.take(batch, new Set(failed.map((one) => one.ord)));
        for (const ord of absent) mayTouch.add(batch.rows[ord]!.key);
        await settle(pool, lease, batch, { failed, absent });
      } else {
        if (how === 'arrived') platform.take(batch);
        if (how !== 'refused') for (const row of batch.rows) mayTouch.add(row.key);
        const plan = { status: how === 'refused' ? 'refused' as const : 'settled' as const, parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null };
        await returnRows(pool, lease, batch.id, plan, how === 'refused' ? REFUSED : UNKNOWN);
      }
    };
    const read = async (one: string, email: 0 | 1 | 2, value: string): Promise<void> => {
      if (said.get(one) !== email) mayTouch.add(one);
      said.set(one, email);
      wishes.set(one, { email, value });
      await stageWith(pool, run, WAYS, [{ key: one, at: clock += 1, email, value }]);
    };
    for (const next of steps) {
      if (next.do === 'read') await read(next.key, next.email, next.value);
      else if (next.do === 'claim') await claim();
      else if (next.do === 'end') { if (open.length > 0) await end(open.splice(next.pick % open.length, 1)[0]!, next.how); }
      else if (next.do === 'gone') { platform.held.delete(next.key); mayTouch.add(next.key); }
      else {
        const there = platform.held.get(next.key);
        const quiet = !open.some((batch) => batch.rows.some((row) => row.key === next.key)) && (await pool.query('SELECT 1 FROM outbox WHERE key = $1', [next.key])).rowCount === 0;
        if (there !== undefined && quiet) {
          platform.held.set(next.key, { ...there, granted: false, ownOptOut: true });
          // What is unsettled from before, or was rejected, may still have to say it.
          const settled = (await pool.query('SELECT 1 FROM contact c WHERE key = $1 AND email = $2 AND NOT unsure', [next.key, wishes.get(next.key)?.email])).rowCount === 1;
          if (settled) mayTouch.delete(next.key);
        }
      }
    }
    for (const [one, { email }] of wishes) await read(one, email, 'last');
    for (;;) {
      while (open.length > 0) await end(open.pop()!, 'taken');
      if (!(await claim())) break;
    }
    for (const [one, { email }] of wishes) {
      const there = platform.held.get(one)!;
      expect([one, there.value]).toEqual([one, 'last']);
      if (email !== 2) expect([one, there.granted]).toEqual([one, false]);
      else if (!there.ownOptOut) expect([one, there.granted]).toEqual([one, true]);
    }
    expect((await audit(pool, null)).runs.flatMap((one) => one.faults)).toEqual([]);
  }), { numRuns: Number(process.env['MODEL_RUNS'] ?? 10), endOnFailure: process.env['MODEL_SHRINK'] === undefined });
}, 300_000);
