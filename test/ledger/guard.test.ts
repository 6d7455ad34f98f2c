import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConsentCode } from '../../src/destinations/index.js';
import { audit, closeRun, endExtraction, hasRises, judgeRun, learnOptOuts, MassChange, settleAnswered, stageRises, type GuardLimits, type Lease } from '../../src/ledger/index.js';
import { ANSWERED, claimAny, clear, createTestLedger, stage, startRun, takeLease, timeOf, valueOf, type TestLedger, type TestRun, type Wish } from './support.js';

let ledger: TestLedger;
let lease: Lease;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());
beforeEach(async () => {
  await clear(ledger.pool);
  await ledger.pool.query('DELETE FROM rise');
  await ledger.pool.query('UPDATE run SET guard_carry = NULL, guard_staged = 0');
  lease = await takeLease(ledger.pool, ledger.a.accountId);
});

const GUARD: GuardLimits = { optIns: { above: 0.2, least: 2 }, changes: { above: 0.5, least: 3 } };
const DENIED = 1;
const GRANTED = 2;
const wish = (key: string, at: number, value: string, consent: ConsentCode): Wish => ({ key, at, value, consent });
const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${String(index).padStart(2, '0')}`);

/** Sends all that is ready. @returns what was sent, in order */
async function sendAll(): Promise<{ key: string; value: string; consent: number }[]> {
  const sent: { key: string; value: string; consent: number }[] = [];
  for (let batch = await claimAny(ledger.pool, lease); batch; batch = await claimAny(ledger.pool, lease)) {
    sent.push(...batch.rows.map((row) => ({ key: row.key, value: valueOf(row.fields), consent: row.emailConsent })));
    await settleAnswered(ledger.pool, lease, batch.id, { failed: [] }, ANSWERED);
  }
  return sent;
}

async function known(wishes: readonly Wish[]): Promise<void> {
  const run = await startRun(ledger.pool, ledger.a, 'full');
  await stage(ledger.pool, run, wishes);
  await sendAll();
  await endExtraction(ledger.pool, run.no, null, null);
  await closeRun(ledger.pool, run.no, 'completed', null);
}

const balanced = async (): Promise<void> => { expect((await audit(ledger.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]); };

/** Ends a reading as a run does. @returns whether it was held */
async function finish(run: TestRun): Promise<boolean> {
  const { pool } = ledger;
  try {
    await judgeRun(pool, run.no, GUARD);
  } catch (error) {
    if (!(error instanceof MassChange)) throw error;
    await closeRun(pool, run.no, 'failed', error.message);
    return true;
  }
  while (await hasRises(pool, run.no)) {
    run.pages += 1;
    await stageRises(pool, { runNo: run.no, syncId: run.ids.syncId, destinationId: run.ids.destinationId, pageNo: run.pages, position: run.pages, priority: 1, resend: false, maxTime: null });
  }
  await endExtraction(pool, run.no, null, null);
  await closeRun(pool, run.no, 'completed', null);
  return false;
}

describe('a run that would opt in or change unusually many contacts', () => {
  it('holds a first load for nothing, and lets a few opt-ins go once it has read to its end', async () => {
    const run = await startRun(ledger.pool, ledger.a, 'full');
    await stage(ledger.pool, run, keys(10).map((key) => wish(key, 1, 'A', DENIED)), { guard: GUARD });
    expect(await finish(run)).toBe(false);
    await sendAll();
    const next = await startRun(ledger.pool, ledger.a);
    await stage(ledger.pool, next, [wish('k00', 2, 'A', GRANTED), wish('k01', 2, 'B', DENIED)], { guard: GUARD });
    expect(await sendAll()).toEqual([{ key: 'k01', value: 'B', consent: DENIED }]);
    await balanced();
    expect(await finish(next)).toBe(false);
    expect(await sendAll()).toEqual([{ key: 'k00', value: 'A', consent: GRANTED }]);
    await balanced();
  });

  it('opts nobody in above its share, sends its opt-outs at once, and holds the same rows the next time', async () => {
    await known(keys(10).map((key, index) => wish(key, 1, 'A', index < 2 ? GRANTED : DENIED)));
    for (const turn of [1, 2]) {
      const run = await startRun(ledger.pool, ledger.a);
      await stage(ledger.pool, run, keys(6).slice(2).map((key) => wish(key, 2, 'A', GRANTED)), { guard: GUARD });
      await stage(ledger.pool, run, [wish('k00', 2, 'A', DENIED)], { guard: GUARD });
      expect(await sendAll()).toEqual(turn === 1 ? [{ key: 'k00', value: 'A', consent: DENIED }] : []);
      await balanced();
      expect(await finish(run)).toBe(true);
      await balanced();
    }
    const { rows } = await ledger.pool.query<{ error: string }>('SELECT error FROM run ORDER BY no DESC LIMIT 1');
    expect(rows[0]?.error).toContain('opt in 4 of 10 known contacts (40 %; up to 20 % go without asking)');
    const allowed = await startRun(ledger.pool, ledger.a);
    await stage(ledger.pool, allowed, keys(6).slice(2).map((key) => wish(key, 2, 'A', GRANTED)));
    expect(await sendAll()).toHaveLength(4);
  });

  it('changes no more contacts than may go without asking, however often it is due', async () => {
    await known(keys(10).map((key) => wish(key, 1, 'A', GRANTED)));
    const sent: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const run = await startRun(ledger.pool, ledger.a);
      // New contacts and opt-outs on the last page are no unusual change.
      await stage(ledger.pool, run, keys(4).map((key) => wish(key, 2, 'B', GRANTED)), { guard: GUARD });
      await stage(ledger.pool, run, keys(8).slice(4).map((key) => wish(key, 2, 'B', GRANTED)), { guard: GUARD });
      await stage(ledger.pool, run, [wish('k08', 2, 'A', DENIED), wish('new', 2, 'B', GRANTED)], { guard: GUARD });
      sent.push(...(await sendAll()).map(({ key }) => key));
      expect(await finish(run)).toBe(true);
      await balanced();
    }
    expect(sent.sort()).toEqual(['k00', 'k01', 'k02', 'k03', 'k08', 'new']);
    const allowed = await startRun(ledger.pool, ledger.a);
    await stage(ledger.pool, allowed, keys(8).map((key) => wish(key, 2, 'B', GRANTED)));
    expect(await sendAll()).toHaveLength(4);
    await endExtraction(ledger.pool, allowed.no, null, null);
    await closeRun(ledger.pool, allowed.no, 'completed', null);
    // Nothing is carried over from before somebody said so.
    const usual = await startRun(ledger.pool, ledger.a);
    await stage(ledger.pool, usual, keys(3).map((key) => wish(key, 3, 'C', GRANTED)), { guard: GUARD });
    expect(await finish(usual)).toBe(false);
  });

  it('sends an opt-out of one channel at once where the same row opts in to the other, and that only when judged', async () => {
    const { pool, a } = ledger;
    await known(keys(10).map((key) => wish(key, 1, 'A', DENIED)));
    await pool.query(`UPDATE contact SET sms = 2`);
    const run = await startRun(pool, a);
    await stage(pool, run, [{ ...wish('k00', 2, 'A', GRANTED) }], { guard: GUARD, rows: [{ key: 'k00', version: null, action: 0, fields: '{"value":"A"}', emailConsent: GRANTED, smsConsent: DENIED, locale: null }] });
    const first = await claimAny(pool, lease);
    expect(first?.rows.map((row) => [row.emailConsent, row.smsConsent])).toEqual([[DENIED, DENIED]]);
    await settleAnswered(pool, lease, first!.id, { failed: [] }, ANSWERED);
    expect(await finish(run)).toBe(false);
    const second = await claimAny(pool, lease);
    expect(second?.rows.map((row) => [row.emailConsent, row.smsConsent])).toEqual([[GRANTED, DENIED]]);
    await balanced();
  });

  it('what is read later supersedes what was put aside, also in another run', async () => {
    await known(keys(10).map((key) => wish(key, 1, 'A', DENIED)));
    const backfill = await startRun(ledger.pool, ledger.a, 'backfill');
    await stage(ledger.pool, backfill, [wish('k00', 2, 'A', GRANTED)], { guard: GUARD });
    const run = await startRun(ledger.pool, ledger.a);
    await stage(ledger.pool, run, [wish('k00', 3, 'A', DENIED)], { guard: GUARD });
    await balanced();
    expect([await finish(run), await finish(backfill)]).toEqual([false, false]);
    expect(await sendAll()).toEqual([]);
    await balanced();
  });

  it('what was put aside is taken by nobody but a row that found its place: not by another sync, a backfill that fails, or an opt-out', async () => {
    const { pool } = ledger;
    await known(keys(10).map((key) => wish(key, 1, 'A', DENIED)));
    const run = await startRun(pool, ledger.a);
    await stage(pool, run, ['k00', 'k01', 'k02'].map((key) => wish(key, 2, 'B', key === 'k02' ? DENIED : GRANTED)), { guard: { ...GUARD, optIns: { above: 0.5, least: 2 } } });
    await stage(pool, run, [wish('k03', 2, 'B', GRANTED)], { guard: { ...GUARD, optIns: { above: 0.5, least: 2 } } });
    const other = await startRun(pool, ledger.b);
    await stage(pool, other, [wish('k00', 3, 'C', GRANTED)]);
    const backfill = await startRun(pool, ledger.a, 'backfill');
    await stage(pool, backfill, [wish('k01', 2, 'B', GRANTED)], { guard: GUARD });
    await closeRun(pool, backfill.no, 'failed', 'cut short');
    await learnOptOuts(pool, { destination: { name: 'newsletter', account: 'acme' }, origin: 'webhook', delivery: 'd1' }, [
      { key: 'k03', email: null, channel: 'email', at: timeOf(5), evidence: 'act', reason: 'unsubscribed' },
    ]);
    await balanced();
    expect(await finish(run)).toBe(false);
    const sent = new Map((await sendAll()).map(({ key, value, consent }) => [key, [value, consent]]));
    expect([...sent].sort()).toEqual([['k00', ['B', GRANTED]], ['k01', ['B', GRANTED]], ['k02', ['B', DENIED]], ['k03', ['B', DENIED]]]);
    await balanced();
  });

  it('what is sent again only because nobody knows whether it arrived is no change', async () => {
    const { pool } = ledger;
    await known(keys(10).map((key) => wish(key, 1, 'A', GRANTED)));
    await pool.query('UPDATE contact SET unsure = true');
    const run = await startRun(pool, ledger.a, 'full');
    await stage(pool, run, keys(10).map((key) => wish(key, 2, 'A', GRANTED)), { guard: GUARD });
    expect(await finish(run)).toBe(false);
    expect(await sendAll()).toHaveLength(10);
    await balanced();
  });

  const states = fc.array(fc.record({ value: fc.constantFrom('A', 'B'), consent: fc.constantFrom<ConsentCode>(0, 1, 2) }), { minLength: 8, maxLength: 8 });
  it('whatever it reads: nobody rises before the end, the books balance, and in the end all is as if it had not been judged, or nobody rose', async () => {
    await fc.assert(fc.asyncProperty(states, fc.array(states, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 8 }), async (first, then, size) => {
      await clear(ledger.pool);
      await ledger.pool.query('DELETE FROM rise');
      await ledger.pool.query('UPDATE run SET guard_carry = NULL, guard_staged = 0');
      lease = await takeLease(ledger.pool, ledger.a.accountId);
      const names = keys(8);
      await known(names.map((key, index) => wish(key, 1, first[index]!.value, first[index]!.consent)));
      const there = new Map(names.map((key, index) => [key, first[index]!.consent as number]));
      for (const [turn, state] of then.entries()) {
        const run = await startRun(ledger.pool, ledger.a, turn % 2 === 0 ? 'incremental' : 'full');
        for (let at = 0; at < names.length; at += size) {
          await stage(ledger.pool, run, names.slice(at, at + size).map((key, index) => wish(key, turn + 2, state[at + index]!.value, state[at + index]!.consent)), { guard: GUARD });
          for (const { key, consent } of await sendAll()) {
            if (consent === 2) expect(there.get(key)).toBe(2);
            there.set(key, consent);
          }
          await balanced();
        }
        const optIns = names.filter((key, index) => state[index]!.consent === 2 && there.get(key) !== 2).length;
        const held = await finish(run);
        if (optIns >= 2) expect(held).toBe(true);
        for (const { key, consent } of await sendAll()) there.set(key, consent);
        await balanced();
        for (const [index, key] of names.entries()) {
          const wanted = state[index]!.consent;
          // An opt-out always arrives; anything else does where the run was not held.
          if (!held || (wanted < 2 && first[index]!.consent === 2)) expect(there.get(key) === 2).toBe(wanted === 2);
        }
        expect(await hasRises(ledger.pool, run.no)).toBe(false);
        if (held) return;
      }
    }), { numRuns: process.env['SYNCLINE_LONG'] === '1' ? 200 : 8 });
  });
});
