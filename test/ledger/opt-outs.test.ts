import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OptOut } from '../../src/destinations/index.js';
import {
  audit, closeDelivering, ensureSync, forget, erasedContact, holdUnknown, learnOptOuts, liftSuppressions, listSuppressions, purgeErased, removeDeparted, returnRows,
  stagePage, statusDocument, TooManyGone, type ClaimedBatch, type Lease, type StageResult, type StageRow, type SyncIds,
} from '../../src/ledger/index.js';
import { brief, claimNext, deliverAll, settle } from './kinds.js';
import { clear, createTestLedger, REFUSED, retryAll, startRun, takeLease, timeOf, type TestLedger, type TestRun } from './support.js';

let ledger: TestLedger;
let other: SyncIds;
let lease: Lease;
let run: TestRun;
beforeAll(async () => {
  ledger = await createTestLedger(4);
  other = await ensureSync(ledger.pool, { sync: 'c', source: 'crm', destination: 'loyalty', account: 'acme', configHash: 'x', configured: ['a', 'b', 'c'] });
});
afterAll(() => ledger.close());
beforeEach(async () => {
  await clear(ledger.pool);
  lease = await takeLease(ledger.pool, ledger.a.accountId);
  run = await startRun(ledger.pool, ledger.a);
});

interface Person { readonly key: string; readonly at: number; readonly email?: 0 | 1 | 2 | 3; readonly sms?: 0 | 1 | 2 | 3; readonly said?: number; readonly value?: string; readonly departed?: boolean }
const mailOf = (key: string): string => `${key}@Example.com`;
const rowOf = ({ key, at, email = 2, sms = 3, said, value = 'A', departed }: Person): StageRow => ({
  key, version: timeOf(at), action: 0, fields: JSON.stringify({ value, secret: `of ${key}` }), emailConsent: email, smsConsent: sms, locale: null, mail: mailOf(key),
  consentAt: said === undefined ? null : timeOf(said), ...(departed === true && { departed, onlyIfKnown: 'filtered' }),
});
function read(persons: readonly Person[], at: TestRun = run, more: { readonly resend?: boolean; readonly met?: readonly string[] } = {}): Promise<StageResult> {
  at.pages += 1;
  return stagePage(ledger.pool, {
    runNo: at.no, syncId: at.ids.syncId, destinationId: at.ids.destinationId, pageNo: at.pages, position: at.pages, priority: 1, resend: false,
    extracted: persons.length, filtered: 0, superseded: 0, rows: persons.map(rowOf), invalid: [], warnings: {}, maxTime: null, ...more,
  });
}
const next = (): Promise<ClaimedBatch | undefined> => claimNext(ledger.pool, lease);
const all = async (): Promise<string[]> => (await deliverAll(ledger.pool, lease)).map(brief);
const optOut = (more: Partial<OptOut>): OptOut => ({ key: null, email: null, channel: 'email', at: timeOf(100), evidence: 'act', reason: 'unsubscribed', ...more });
const AT = { name: 'newsletter', account: 'acme' };
const learn = (optOuts: readonly OptOut[], more: { readonly delivery?: string; readonly askedAt?: string; readonly hand?: boolean } = {}) =>
  learnOptOuts(ledger.pool, { destination: AT, origin: more.hand === true ? 'hand' : 'read', ...more }, optOuts);
const balanced = async (): Promise<void> => { expect((await audit(ledger.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]); };
const pageOf = async (): Promise<{ suppressed: number; warnings: Record<string, number> | null }> =>
  (await ledger.pool.query<{ suppressed: number; warnings: Record<string, number> | null }>('SELECT suppressed, warnings FROM page WHERE run_no = $1 ORDER BY no DESC LIMIT 1', [run.no])).rows[0]!;

describe('an opt-out learned elsewhere', () => {
  it.each([['by key', { key: 'k' }], ['by address, whatever its case', { email: 'K@example.COM' }]])('%s: holds against an older opt-in for good; the rest of the row still flows', async (_how, who) => {
    await learn([optOut(who)]);
    await read([{ key: 'k', at: 1, said: 50 }, { key: 'l', at: 1 }]);
    expect((await pageOf()).warnings).toEqual({ 'emailConsent: withheld, as the person opted out (newsletter: unsubscribed)': 1 });
    expect(await all()).toEqual(['whole: k(13) l(23)']);
    for (let time = 2; time < 6; time++) {
      await read([{ key: 'k', at: time, said: 50 }]);
      expect(await pageOf()).toMatchObject({ suppressed: 1 });
    }
    await read([{ key: 'k', at: 9, value: 'B' }]);
    expect(await all()).toEqual(['whole: k(13)']);
    await balanced();
  });

  it('gives way to a consent that is certainly newer, and to none within the margin, without a time, or where its own time is not known', async () => {
    await learn([optOut({ key: 'k' }), optOut({ key: 'timeless', at: null })]);
    await read([{ key: 'k', at: 1, said: 100 + 299 }, { key: 'timeless', at: 1, said: Date.now() / 1000 }]);
    expect(await all()).toEqual(['whole: k(13) timeless(13)']);
    await read([{ key: 'k', at: 2, said: 100 + 301 }]);
    expect(await all()).toEqual(['whole: k(23)']);
    // The same opt-out heard again changes nothing; a later one does.
    expect(await learn([optOut({ key: 'k' })])).toMatchObject({ learned: 0, queued: 0 });
    expect(await learn([optOut({ key: 'k', at: timeOf(1000) })])).toMatchObject({ learned: 1, queued: 1, accounts: ['acme'] });
    expect(await all()).toEqual(['whole: k(13)']);
    await balanced();
  });

  it.each(['waiting', 'in flight', 'delivered', 'rejected'])('reaches what is %s, on every list the address is on', async (state) => {
    const there = await startRun(ledger.pool, other);
    await read([{ key: 'k', at: 1 }]);
    await read([{ key: 'k', at: 1 }], there);
    const batches: ClaimedBatch[] = [];
    if (state !== 'waiting') for (let batch = await next(); batch; batch = await next()) batches.push(batch);
    if (state === 'delivered') for (const batch of batches) await settle(ledger.pool, lease, batch);
    if (state === 'rejected') for (const batch of batches) await settle(ledger.pool, lease, batch, { failed: [{ ord: 0, code: 'bad', reason: 'bad' }] });
    await learn([optOut({ key: 'k', email: mailOf('k') })]);
    if (state === 'rejected') await retryAll(ledger.pool, ledger.a);
    expect(await all()).toEqual(state === 'rejected' ? ['whole: k(13)'] : ['whole: k(13)', 'whole: k(13)']);
    if (state === 'in flight') {
      for (const batch of batches) await settle(ledger.pool, lease, batch);
      expect(await all()).toEqual(['whole: k(13)', 'whole: k(13)']);
    }
    await closeDelivering(ledger.pool);
    const { rows } = await ledger.pool.query<{ status: string }>(`SELECT status FROM run WHERE kind = 'optOut' AND no > $1`, [run.no]);
    expect(rows.every(({ status }) => status === 'completed')).toBe(true);
    await balanced();
  });

  it('that only shows as a state counts where we had sent an opt-in before we asked, and nowhere else', async () => {
    await read([{ key: 'granted', at: 1 }, { key: 'denied', at: 1, email: 1 }]);
    await all();
    const early = timeOf(0);
    const now = new Date(Date.now() + 1000).toISOString();
    const seen = ['granted', 'denied', 'stranger'].map((key) => optOut({ key, evidence: 'state', at: now }));
    expect(await learn(seen, { askedAt: early })).toMatchObject({ learned: 0 });
    expect(await learn(seen, { askedAt: now })).toMatchObject({ learned: 1, queued: 1 });
    expect(await all()).toEqual(['whole: granted(13)']);
    // By its address, where the platform holds no key of ours; and not what a list shows that lags.
    await read([{ key: 'other', at: 2 }, { key: 'late', at: 2 }]);
    await all();
    const later = new Date(Date.now() + 1000).toISOString();
    expect(await learn([optOut({ email: mailOf('other'), evidence: 'state', at: later }), optOut({ key: 'late', evidence: 'state', at: timeOf(5) })], { askedAt: later })).toMatchObject({ learned: 1 });
    expect(await all()).toEqual(['whole: other(13)']);
  });

  it('told twice by one webhook is heard once; by hand it is lifted, and an older entry of the platform\'s list does not bring it back', async () => {
    expect(await learn([optOut({ key: 'k' })], { delivery: 'd1' })).toMatchObject({ learned: 1 });
    expect(await learn([optOut({ key: 'l' })], { delivery: 'd1' })).toMatchObject({ learned: 0 });
    expect((await listSuppressions(ledger.pool, {}, 10)).suppressions).toMatchObject([{ key: 'k', channel: 'email', destination: 'newsletter', reason: 'unsubscribed' }]);
    expect(await liftSuppressions(ledger.pool, { key: 'k' }, 'crm')).toBe(1);
    expect(await learn([optOut({ key: 'k' })])).toMatchObject({ learned: 0 });
    await read([{ key: 'k', at: 1 }]);
    expect(await all()).toEqual(['whole: k(23)']);
    expect(await learn([optOut({ key: 'k', at: new Date(Date.now() + 60_000).toISOString() })])).toMatchObject({ learned: 1 });
  });
});

describe('opt-outs first', () => {
  it.each(['sending', 'unknown'])('an opt-out of a contact whose call is %s goes at once, and once more when that one has ended', async (state) => {
    await read([{ key: 'k', at: 1 }, { key: 'l', at: 1 }]);
    const batch = (await next())!;
    if (state === 'unknown') await holdUnknown(ledger.pool, lease, batch.id, 60_000, { outcome: 'unknown', httpStatus: null, message: null });
    await read([{ key: 'k', at: 2, email: 1 }, { key: 'l', at: 2, value: 'B' }]);
    const crossing = (await next())!;
    expect(brief(crossing)).toBe('whole: k(13)');
    expect(await next()).toBeUndefined();
    await settle(ledger.pool, lease, crossing);
    expect(await next()).toBeUndefined();
    await balanced();
    if (state === 'sending') await settle(ledger.pool, lease, batch);
    else await returnRows(ledger.pool, lease, batch.id, { status: 'settled', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null }, REFUSED);
    expect(await all()).toEqual(['whole: k(13) l(23)']);
    expect(await all()).toEqual([]);
    const { rows } = await ledger.pool.query<{ email: number }>(`SELECT email FROM contact WHERE key = 'k'`);
    expect(rows).toEqual([{ email: 1 }]);
    // It took effect once: the first time it was taken.
    expect((await statusDocument(ledger.pool)).lanes).toMatchObject([{ optOuts: { waiting: 0, effective: 1 } }]);
    await balanced();
  });
});

it('an opt-out that crossed an open call and was put back crosses it again, and still goes once more after it', async () => {
  await read([{ key: 'k', at: 1 }]);
  const batch = (await next())!;
  await read([{ key: 'k', at: 2, email: 1 }]);
  await returnRows(ledger.pool, lease, (await next())!.id, { status: 'refused', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: false, keepRootOf: null }, REFUSED);
  const again = (await next())!;
  expect(brief(again)).toBe('whole: k(13)');
  await settle(ledger.pool, lease, again);
  await settle(ledger.pool, lease, batch);
  expect(await all()).toEqual(['whole: k(13)']);
  await balanced();
});

it('an erasure at one list does not swallow the opt-out of another list of the same source', async () => {
  const there = await startRun(ledger.pool, other);
  await read([{ key: 'k', at: 1 }]);
  await read([{ key: 'k', at: 1 }], there);
  await all();
  await read([{ key: 'k', at: 2, email: 1, departed: true }]);
  await removeDeparted(ledger.pool, { runNo: run.no, syncId: run.ids.syncId, destinationId: run.ids.destinationId, onDelete: 'erase', inferred: false, allowed: true });
  await all();
  await read([{ key: 'k', at: 2, email: 1, said: 3 }], there);
  expect(await all()).toEqual(['whole: k(13)']);
  await balanced();
});

it('a consent of the future is none', async () => {
  await learn([optOut({ key: 'k' })]);
  await read([{ key: 'k', at: 1, said: Date.now() / 1000 + 10_000_000_000 }]);
  expect(await all()).toEqual(['whole: k(13)']);
  expect((await pageOf()).warnings).toMatchObject({ 'consentAt: in the future': 1 });
});

describe('a contact that is gone from the source', () => {
  const departures = (onDelete: 'optOut' | 'erase', more: { readonly inferred?: boolean; readonly allowed?: boolean } = {}) =>
    removeDeparted(ledger.pool, { runNo: run.no, syncId: run.ids.syncId, destinationId: run.ids.destinationId, onDelete, inferred: false, allowed: false, ...more });
  const TEN = [...'abcdefghij'];
  beforeEach(async () => {
    await read(TEN.map((key) => ({ key, at: 1 })));
    await all();
  });

  it('opts out at once and is erased in the end, with its traces; it does not come back', async () => {
    await read([{ key: 'a', at: 2, email: 1, departed: true }, { key: 'z', at: 2, email: 1, departed: true }]);
    expect(await all()).toEqual(['whole: a(13)']);
    expect(await departures('erase')).toBe(1);
    expect(await departures('erase')).toBe(1);
    const erasing = (await next())!;
    expect(erasing.rows).toMatchObject([{ key: 'a', action: 1 }]);
    await settle(ledger.pool, lease, erasing);
    expect(await purgeErased(ledger.pool)).toBe(1);
    expect(await erasedContact(ledger.pool, 'crm', 'a')).toMatchObject({ clean: true });
    for (const table of ['contact', 'outbox', 'batch_row', 'rejection', 'overtaken', 'tombstone', 'identity']) {
      const { rows } = await ledger.pool.query<{ text: string }>(`SELECT x::text AS text FROM ${table} x`);
      expect(rows.filter(({ text }) => text.includes('of a') || /[(,]a[,)]/.test(text)), table).toEqual([]);
    }
    run = await startRun(ledger.pool, ledger.b);
    await read([{ key: 'a', at: 3, said: 5 }]);
    expect(await pageOf()).toEqual({ suppressed: 1, warnings: { 'erased on request: not sent again': 1 } });
    expect(await all()).toEqual([]);
    await balanced();
  });

  it('is known by not having been met in a full read; a contact that is still there, though filtered or invalid, is not', async () => {
    await read([], run, { met: TEN.filter((key) => key !== 'c') });
    expect(await departures('optOut', { inferred: true })).toBe(1);
    expect(await all()).toEqual(['whole: c(13)']);
    await balanced();
  });

  it('deleted on one page and there again on a later one stays; who left in earlier runs does not add up to too many', async () => {
    await read([{ key: 'a', at: 2, email: 1, departed: true }]);
    await read([{ key: 'a', at: 3 }]);
    await all();
    expect(await departures('erase')).toBe(0);
    for (const gone of [1, 2, 3]) {
      await ledger.pool.query('UPDATE run SET extracting = false, ended_at = now() WHERE no = $1', [run.no]);
      run = await startRun(ledger.pool, ledger.a, 'full');
      await read([], run, { met: TEN.slice(gone) });
      expect(await departures('optOut', { inferred: true })).toBe(1);
      await all();
    }
    await balanced();
  });

  it('goes where there are few, as long as it is the only one', async () => {
    await read([], run, { met: TEN.slice(6) });
    expect(await departures('erase', { inferred: true, allowed: true })).toBe(6);
    await all();
    await ledger.pool.query('UPDATE run SET extracting = false, ended_at = now() WHERE no = $1', [run.no]);
    run = await startRun(ledger.pool, ledger.a, 'full');
    await read([], run, { met: TEN.slice(7) });
    expect(await departures('erase', { inferred: true })).toBe(1);
    await all();
    await balanced();
  });

  it('is one of too many: nobody is taken out until somebody says so', async () => {
    await read([], run, { met: TEN.slice(3) });
    await expect(departures('erase', { inferred: true })).rejects.toThrow(TooManyGone);
    await expect(departures('erase', { inferred: true })).rejects.toThrow('3 of 10 contacts (30 %) are gone');
    expect(await next()).toBeUndefined();
    expect(await departures('erase', { inferred: true, allowed: true })).toBe(3);
    expect((await all()).length).toBe(1);
    await balanced();
  });
});

it('a person who is forgotten is erased wherever they were sent, and known by nothing but a hash', async () => {
  const there = await startRun(ledger.pool, other);
  await read([{ key: 'k', at: 1 }]);
  await read([{ key: 'k', at: 1 }], there);
  await all();
  await read([{ key: 'k', at: 2, value: 'B' }]);
  const begun = await forget(ledger.pool, 'a', 'k');
  expect(begun).toMatchObject({ known: true, erasures: [{ sync: 'a', destination: 'newsletter' }, { sync: 'c', destination: 'loyalty' }] });
  expect(await purgeErased(ledger.pool)).toBe(0);
  const calls = await deliverAll(ledger.pool, lease);
  expect(calls.flatMap((call) => call.rows.map((row) => `${row.key} ${row.action}`))).toEqual(['k 1', 'k 1']);
  expect(await purgeErased(ledger.pool)).toBe(1);
  // Under another key, too: by the address.
  await read([{ key: 'k', at: 3 }, { key: 'k2', at: 3 }]);
  expect(await all()).toEqual(['whole: k2(23)']);
  await stagePage(ledger.pool, {
    runNo: run.no, syncId: run.ids.syncId, destinationId: run.ids.destinationId, pageNo: (run.pages += 1), position: run.pages, priority: 1, resend: true,
    extracted: 1, filtered: 0, superseded: 0, rows: [{ ...rowOf({ key: 'again', at: 4 }), mail: 'K@EXAMPLE.com' }], invalid: [], warnings: {}, maxTime: null,
  });
  expect(await all()).toEqual([]);
  // They come back by their own will.
  await read([{ key: 'k', at: 5, said: Date.now() / 1000 }]);
  expect(await liftSuppressions(ledger.pool, { key: 'k' }, 'crm')).toBe(1);
  await read([{ key: 'k', at: 6 }]);
  expect(await all()).toEqual(['whole: k(23)']);
  await balanced();
});
