import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { audit, booksOf, closeRun, ensureSync, holdUnknown, listFailures, returnRows, settleAnswered, type Counts, type Lease } from '../../src/ledger/index.js';
import { ANSWERED, claimLoose, clear, createTestLedger, REFUSED, retryAll, stage, startRun, SYNCS, takeLease, type TestLedger, type TestRun, type Wish } from './support.js';

let ledger: TestLedger;
let lease: Lease;
let run: TestRun;

beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(() => ledger.close());
beforeEach(async () => {
  await clear(ledger.pool);
  await ledger.pool.query('UPDATE sync SET retired = false');
  lease = await takeLease(ledger.pool, ledger.a.accountId);
  run = await startRun(ledger.pool, ledger.a);
});

const counts = async (of = run): Promise<Counts> => (await booksOf(ledger.pool, [of.no])).get(of.no) as Counts;
const outbox = async () => (await ledger.pool.query<{ key: string; value: string; seq: number; priority: number; bundle: number | null; sync_id: number; version: string }>(
  `SELECT key, fields::json ->> 'value' AS value, seq, priority, bundle, sync_id, version FROM outbox ORDER BY key`)).rows;
const balanced = async () => { expect((await audit(ledger.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]); };

/** Delivers everything that waits, except the keys given, which are rejected. */
async function deliver(rejected: readonly string[] = []): Promise<void> {
  const batch = await claimLoose(ledger.pool, lease, ledger.a.destinationId);
  if (!batch) throw new Error('nothing to deliver');
  const failed = batch.rows.filter((one) => rejected.includes(one.key)).map((one) => ({ ord: one.ord, code: 'invalid_email', reason: 'invalid email' }));
  await settleAnswered(ledger.pool, lease, batch.id, { failed }, ANSWERED);
}
const K = (at: number | null, value: string, more: Partial<Wish> = {}): Wish => ({ key: 'k', at, value, ...more });

describe('staging compares with the newest known intent', () => {
  it('equal to what waits: unchanged', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await stage(ledger.pool, run, [K(2, 'A')]);
    expect(await counts()).toMatchObject({ queued: 1, unchanged: 1, waiting: 1 });
    await balanced();
  });

  it('equal to what is in flight: unchanged; different: it waits behind it', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    const batch = (await claimLoose(ledger.pool, lease, ledger.a.destinationId))!;
    await stage(ledger.pool, run, [K(2, 'A')]);
    await stage(ledger.pool, run, [K(3, 'B')]);
    expect(await counts()).toMatchObject({ queued: 2, unchanged: 1, waiting: 1, inFlight: 1 });
    expect(await claimLoose(ledger.pool, lease, ledger.a.destinationId)).toBeUndefined();
    await settleAnswered(ledger.pool, lease, batch.id, { failed: [] }, ANSWERED);
    expect((await claimLoose(ledger.pool, lease, ledger.a.destinationId))?.rows.map((one) => one.fields)).toEqual(['{"value":"B"}']);
    await balanced();
  });

  it('equal to what is delivered: unchanged, also with a newer time', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, run, [K(9, 'A')]);
    expect(await counts()).toMatchObject({ queued: 1, unchanged: 1, delivered: 1, waiting: 0 });
    await balanced();
  });

  it('equal to an open rejection: unchanged and still rejected; changed: queued, and the rejection is resolved', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver(['k']);
    await stage(ledger.pool, run, [K(2, 'A')]);
    expect(await counts()).toMatchObject({ queued: 1, unchanged: 1, stillRejected: 1, rejected: 1 });
    await stage(ledger.pool, run, [K(3, 'B')]);
    expect((await listFailures(ledger.pool, 'a', 10)).total).toBe(0);
    await deliver();
    expect(await counts()).toMatchObject({ queued: 2, delivered: 1, rejected: 1 });
    await balanced();
  });

  it('back at what is delivered while a change waits: the change is overtaken and nothing is sent', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, run, [K(2, 'B')]);
    await stage(ledger.pool, run, [K(3, 'A')]);
    expect(await outbox()).toEqual([]);
    expect(await counts()).toMatchObject({ queued: 2, unchanged: 1, delivered: 1, overtaken: 1, waiting: 0 });
    await balanced();
  });

  it('back at what is in flight: the waiting change is dropped; back at what is delivered while something else flies: queued', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, run, [K(2, 'B')]);
    await claimLoose(ledger.pool, lease, ledger.a.destinationId);
    await stage(ledger.pool, run, [K(3, 'C')]);
    await stage(ledger.pool, run, [K(4, 'B')]);
    expect(await outbox()).toEqual([]);
    await stage(ledger.pool, run, [K(5, 'A')]);
    expect(await outbox()).toMatchObject([{ value: 'A' }]);
    await balanced();
  });

  it('back at what is delivered while something else flies and a third waits: queued, or the flying value would stay', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, run, [K(2, 'B')]);
    await claimLoose(ledger.pool, lease, ledger.a.destinationId);
    await stage(ledger.pool, run, [K(3, 'C')]);
    await stage(ledger.pool, run, [K(4, 'A')]);
    expect(await outbox()).toMatchObject([{ value: 'A' }]);
    await balanced();
  });

  it('older than what is known: overtaken, whether it waits, flies, is delivered or rejected', async () => {
    await stage(ledger.pool, run, [K(10, 'B')]);
    await stage(ledger.pool, run, [K(5, 'A')]);
    const batch = (await claimLoose(ledger.pool, lease, ledger.a.destinationId))!;
    await stage(ledger.pool, run, [K(6, 'A')]);
    await settleAnswered(ledger.pool, lease, batch.id, { failed: [] }, ANSWERED);
    await stage(ledger.pool, run, [K(7, 'A')]);
    await stage(ledger.pool, run, [K(11, 'C')]);
    await deliver(['k']);
    await stage(ledger.pool, run, [K(10, 'A')]);
    expect(await outbox()).toEqual([]);
    expect(await counts()).toMatchObject({ queued: 6, delivered: 1, rejected: 1, overtaken: 4, waiting: 0 });
    await balanced();
  });

  it('an equal version with other values replaces what waits', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await stage(ledger.pool, run, [K(1, 'B')]);
    expect(await outbox()).toMatchObject([{ value: 'B' }]);
    expect(await counts()).toMatchObject({ queued: 2, overtaken: 1, waiting: 1 });
    await balanced();
  });

  it('a time in the future counts as now: the next correction replaces it', async () => {
    await stage(ledger.pool, run, [K(100 * 365 * 86_400, 'A')]);
    expect(new Date(`${(await outbox())[0]!.version.replace(' ', 'T')}:00`).getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
    await stage(ledger.pool, run, [K(100 * 365 * 86_400 + 1, 'B')]);
    expect(await outbox()).toMatchObject([{ value: 'B' }]);
  });

  it('a row without a time is as new as its page', async () => {
    await stage(ledger.pool, run, [K(null, 'A')]);
    await stage(ledger.pool, run, [K(null, 'B')]);
    expect(await outbox()).toMatchObject([{ value: 'B' }]);
    await stage(ledger.pool, run, [K(5, 'C')]);
    expect(await outbox()).toMatchObject([{ value: 'B' }]);
    await balanced();
  });
});

describe('what replaces a waiting row', () => {
  it('keeps its place in the queue and the higher priority of the two, and leaves its bundle', async () => {
    const backfill = await startRun(ledger.pool, ledger.a, 'backfill');
    await stage(ledger.pool, run, [K(1, 'A'), { key: 'l', at: 1, value: 'A' }]);
    const batch = (await claimLoose(ledger.pool, lease, ledger.a.destinationId))!;
    await returnRows(ledger.pool, lease, batch.id, { status: 'refused', parts: [{ fromOrd: 0, bundle: { tries: 1, suspect: false, delayMs: 0 } }], spendsAttempt: true, keepRootOf: null }, REFUSED);
    const before = await outbox();
    expect(before.every((one) => one.bundle !== null)).toBe(true);
    await stage(ledger.pool, backfill, [K(2, 'B')], { priority: 3 });
    const after = await outbox();
    expect(after[0]).toMatchObject({ key: 'k', value: 'B', seq: before[0]!.seq, priority: 1, bundle: null });
    expect(after[1]).toEqual(before[1]);
    expect(await counts(backfill)).toMatchObject({ queued: 1, waiting: 1 });
    expect(await counts()).toMatchObject({ queued: 2, overtaken: 1, waiting: 1 });
    await balanced();
  });

  it('an opt-out goes first only where the known consent falls', async () => {
    await stage(ledger.pool, run, [{ key: 'new', at: 1, value: 'A', consent: 1 }, { key: 'k', at: 1, value: 'A' }, { key: 'l', at: 1, value: 'A', consent: 1 }]);
    expect((await outbox()).map((one) => one.priority)).toEqual([1, 1, 1]);
    await deliver();
    const result = await stage(ledger.pool, run, [{ key: 'k', at: 2, value: 'A', consent: 1 }, { key: 'l', at: 2, value: 'B', consent: 1 }]);
    expect(result.optOuts).toBe(1);
    expect((await outbox()).map((one) => [one.key, one.priority])).toEqual([['k', 0], ['l', 1]]);
  });

  it('an opt-out against what is in flight goes first, and a later opt-in keeps that place', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await claimLoose(ledger.pool, lease, ledger.a.destinationId);
    await stage(ledger.pool, run, [K(2, 'A', { consent: 0 })]);
    expect(await outbox()).toMatchObject([{ priority: 0 }]);
    await stage(ledger.pool, run, [K(3, 'B', { consent: 2 })]);
    expect(await outbox()).toMatchObject([{ priority: 0, value: 'B' }]);
  });
});

describe('sending again on demand', () => {
  it('sends what is unchanged, and what the source dates before what is delivered', async () => {
    await stage(ledger.pool, run, [K(5, 'A')]);
    await deliver();
    await stage(ledger.pool, run, [K(5, 'A')], { resend: true });
    await deliver();
    await stage(ledger.pool, run, [K(1, 'B')], { resend: true });
    await deliver();
    expect(await counts()).toMatchObject({ queued: 3, delivered: 3 });
    await stage(ledger.pool, run, [K(4, 'A')]);
    expect(await outbox()).toEqual([]);
    await balanced();
  });

  it('never puts something older over what waits or is in flight', async () => {
    await stage(ledger.pool, run, [K(5, 'B')]);
    await stage(ledger.pool, run, [K(4, 'A')], { resend: true });
    expect(await outbox()).toMatchObject([{ value: 'B' }]);
    await claimLoose(ledger.pool, lease, ledger.a.destinationId);
    await stage(ledger.pool, run, [K(4, 'A')], { resend: true });
    expect(await outbox()).toEqual([]);
    await stage(ledger.pool, run, [K(5, 'B')], { resend: true });
    expect(await outbox()).toMatchObject([{ value: 'B' }]);
    await balanced();
  });
});

describe('a key belongs to one sync of a destination', () => {
  it('is rejected for another with the owner\'s name, once, and stays so', async () => {
    const other = await startRun(ledger.pool, ledger.b);
    await stage(ledger.pool, run, [K(1, 'A')]);
    await stage(ledger.pool, other, [K(2, 'X')]);
    await deliver();
    await stage(ledger.pool, other, [K(3, 'X')]);
    await stage(ledger.pool, run, [K(4, 'B')]);
    await deliver();
    await stage(ledger.pool, other, [K(5, 'X')]);
    expect(await counts(other)).toMatchObject({ queued: 1, rejected: 1, unchanged: 2, stillRejected: 2 });
    const { failures } = await listFailures(ledger.pool, 'b', 10);
    expect(failures).toMatchObject([{ key: 'k', code: 'owned' }]);
    expect(failures[0]!.reason).toContain('sync a ');
    await balanced();
  });

  it('has one open entry with its first date, however often its values change', async () => {
    const other = await startRun(ledger.pool, ledger.b);
    await stage(ledger.pool, run, [K(1, 'A')]);
    await stage(ledger.pool, other, [K(2, 'X')]);
    const first = (await listFailures(ledger.pool, 'b', 10)).failures[0]!.since;
    await stage(ledger.pool, other, [K(3, 'Y')]);
    const { failures, total } = await listFailures(ledger.pool, 'b', 10);
    expect(total).toBe(1);
    expect(failures[0]!.since).toBe(first);
    await balanced();
  });

  it('is not kept from its owner by the other\'s rejection of the same values', async () => {
    const other = await startRun(ledger.pool, ledger.b);
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, other, [K(9, 'B')]);
    await stage(ledger.pool, run, [K(2, 'B')]);
    expect(await outbox()).toMatchObject([{ value: 'B', sync_id: ledger.a.syncId }]);
  });

  it('is not taken by trying the rejected rows again', async () => {
    const other = await startRun(ledger.pool, ledger.b);
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, other, [K(2, 'X')]);
    await retryAll(ledger.pool, ledger.b);
    expect(await outbox()).toEqual([]);
    expect((await listFailures(ledger.pool, 'b', 10)).total).toBe(1);
    await balanced();
  });

  it('passes to another sync when its own has left the configuration', async () => {
    const other = await startRun(ledger.pool, ledger.b);
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await ensureSync(ledger.pool, { sync: 'b', source: 'crm', destination: 'newsletter', account: 'acme', configHash: 'x', configured: ['b'] });
    await stage(ledger.pool, other, [K(2, 'X')]);
    expect(await outbox()).toMatchObject([{ value: 'X', sync_id: ledger.b.syncId }]);
    await ensureSync(ledger.pool, { sync: 'a', source: 'crm', destination: 'newsletter', account: 'acme', configHash: 'x', configured: SYNCS });
    await balanced();
  });
});

describe('rows with a condition, and invalid ones', () => {
  it('a row meant for known contacts is sent to known ones and counted apart for others', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, run, [
      K(2, 'A', { consent: 1, onlyIfKnown: 'filtered' }), { key: 'x', at: 2, value: 'A', consent: 1, onlyIfKnown: 'filtered' },
      { key: 'y', at: 2, value: 'A', consent: 1, onlyIfKnown: 'no address' },
    ]);
    expect(await outbox()).toMatchObject([{ key: 'k', priority: 0 }]);
    expect(await counts()).toMatchObject({ extracted: 4, filtered: 1, invalid: 1, queued: 2 });
    expect((await listFailures(ledger.pool, 'a', 10)).failures).toMatchObject([{ key: 'y', code: 'invalid', reason: 'no address' }]);
    await balanced();
  });

  it('an invalid row keeps the date it was first met, in one open entry, until it reads well', async () => {
    const invalid = [{ key: 'k', place: null, reason: 'no e-mail' }, { key: null, place: 'line 7', reason: 'too few columns' }];
    await stage(ledger.pool, run, [], { invalid });
    const first = (await listFailures(ledger.pool, 'a', 10)).failures.map((one) => one.since);
    await closeRun(ledger.pool, run.no, 'completed', null);
    const next = await startRun(ledger.pool, ledger.a);
    await stage(ledger.pool, next, [], { invalid });
    expect((await listFailures(ledger.pool, 'a', 10)).failures.map((one) => one.since)).toEqual(first);
    await stage(ledger.pool, next, [K(1, 'A')]);
    expect((await listFailures(ledger.pool, 'a', 10)).failures).toMatchObject([{ key: null, place: 'line 7' }]);
    await balanced();
  });

  it('a row that reads invalid by now stays listed when its earlier version is delivered', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await stage(ledger.pool, run, [], { invalid: [{ key: 'k', place: null, reason: 'no e-mail' }] });
    await deliver();
    expect((await listFailures(ledger.pool, 'a', 10)).failures).toMatchObject([{ key: 'k', code: 'invalid' }]);
    await balanced();
  });

  it('any text survives staging: tabs, line ends, backslashes, quotes', async () => {
    const key = 'a\tb\\N\n"c"\r\\';
    await stage(ledger.pool, run, [{ key, at: 1, value: key }]);
    expect(await outbox()).toMatchObject([{ key, value: key }]);
  });

  it('a page counts once: staging it again is refused and changes nothing', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    run.pages = 0;
    await expect(stage(ledger.pool, run, [K(2, 'B')])).rejects.toThrow('stopped or has been continued');
    expect(await counts()).toMatchObject({ extracted: 1, queued: 1 });
    await balanced();
  });
});

describe('rows that come back', () => {
  it('a row that something newer replaced meanwhile is overtaken; its higher priority stays', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    await deliver();
    await stage(ledger.pool, run, [K(2, 'B', { consent: 1 })]);
    const batch = (await claimLoose(ledger.pool, lease, ledger.a.destinationId))!;
    await stage(ledger.pool, run, [K(3, 'C', { consent: 1 })]);
    await holdUnknown(ledger.pool, lease, batch.id, 0, { outcome: 'unknown', httpStatus: null, message: null });
    await returnRows(ledger.pool, lease, batch.id, { status: 'settled', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null }, { outcome: 'unknown', httpStatus: null, message: null });
    expect(await outbox()).toMatchObject([{ value: 'C', priority: 0 }]);
    expect(await counts()).toMatchObject({ queued: 3, delivered: 1, overtaken: 1, waiting: 1, inFlight: 0 });
    await balanced();
  });

  it('a rejected row is not tried again behind something newer that is already under way', async () => {
    await stage(ledger.pool, run, [K(1, 'A')]);
    const first = (await claimLoose(ledger.pool, lease, ledger.a.destinationId))!;
    await stage(ledger.pool, run, [K(2, 'B')]);
    await settleAnswered(ledger.pool, lease, first.id, { failed: [{ ord: 0, code: 'x', reason: 'x' }] }, ANSWERED);
    await claimLoose(ledger.pool, lease, ledger.a.destinationId);
    const { run: retry } = await retryAll(ledger.pool, ledger.a);
    expect(await outbox()).toEqual([]);
    expect(await counts(retry)).toMatchObject({ queued: 1, overtaken: 1, waiting: 0 });
    await balanced();
  });

  it('a rejected row is tried again as a row of the retry, unless something newer waits', async () => {
    await stage(ledger.pool, run, [K(1, 'A'), { key: 'l', at: 1, value: 'A' }]);
    const batch = (await claimLoose(ledger.pool, lease, ledger.a.destinationId))!;
    await stage(ledger.pool, run, [K(2, 'B')]);
    await settleAnswered(ledger.pool, lease, batch.id, { failed: batch.rows.map((one) => ({ ord: one.ord, code: 'x', reason: 'x' })) }, ANSWERED);
    const { run: retry, queued } = await retryAll(ledger.pool, ledger.a);
    expect(queued).toBe(2);
    expect(await outbox()).toMatchObject([{ key: 'k', value: 'B' }, { key: 'l', value: 'A' }]);
    expect(await counts(retry)).toMatchObject({ extracted: 2, queued: 2, overtaken: 1, waiting: 1 });
    await balanced();
  });
});
