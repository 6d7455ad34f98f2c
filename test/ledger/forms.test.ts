import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { audit, holdUnknown, returnRows, settleLanded, type ClaimedBatch, type Lease, type Ways } from '../../src/ledger/index.js';
import { brief, claimNext, deliverAll, settle, stageWith, type FullWish } from './kinds.js';
import { clear, createTestLedger, REFUSED, retryAll, startRun, takeLease, type TestLedger, type TestRun } from './support.js';

const WAYS: Ways = { consent: 'whenChanged', keyChange: 'platform' };
const UNKNOWN = { outcome: 'unknown', httpStatus: null, message: null };

let ledger: TestLedger;
let lease: Lease;
let run: TestRun;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());
beforeEach(async () => {
  await clear(ledger.pool);
  await ledger.pool.query('DELETE FROM kind');
  lease = await takeLease(ledger.pool, ledger.a.accountId);
  run = await startRun(ledger.pool, ledger.a);
});

const read = (...wishes: FullWish[]) => stageWith(ledger.pool, run, WAYS, wishes);
const next = (): Promise<ClaimedBatch | undefined> => claimNext(ledger.pool, lease);
const claimed = async (): Promise<ClaimedBatch> => (await next())!;
const all = async (): Promise<string[]> => (await deliverAll(ledger.pool, lease)).map(brief);
const balanced = async (): Promise<void> => { expect((await audit(ledger.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]); };
const back = (batch: ClaimedBatch, status: 'refused' | 'settled') =>
  returnRows(ledger.pool, lease, batch.id, { status, parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null }, status === 'refused' ? REFUSED : UNKNOWN);
const contacts = async (): Promise<string[]> => (await ledger.pool.query<{ key: string }>('SELECT key FROM contact ORDER BY key')).rows.map((row) => row.key);

describe('what is said about consent', () => {
  it('a new contact goes whole; an update of the same consent without it; a change of consent whole', async () => {
    await read({ key: 'k', at: 1, email: 1 });
    expect(await all()).toEqual(['whole: k(12)']);
    await read({ key: 'k', at: 2, email: 1, value: 'B' });
    expect(await all()).toEqual(['without consent: k']);
    await read({ key: 'k', at: 3, email: 2, value: 'B' });
    expect(await all()).toEqual(['whole: k(22)']);
    await read({ key: 'k', at: 4, email: 2, sms: 0, value: 'C' });
    expect(await all()).toEqual(['whole: k(20)']);
    await balanced();
  });

  it('an erasure has one form', async () => {
    await read({ key: 'k', at: 1 });
    await all();
    await read({ key: 'k', at: 2, action: 1 });
    expect(await all()).toEqual(['whole: k(22)']);
  });

  it.each<[string, (batch: ClaimedBatch) => Promise<void>, string]>([
    ['delivered: the new consent is known, the update goes without', (batch) => settle(ledger.pool, lease, batch), 'without consent: k'],
    ['rejected: the old consent is still there, so it is said', (batch) => settle(ledger.pool, lease, batch, { failed: [{ ord: 0, code: 'x', reason: 'x' }] }), 'whole: k(12)'],
    ['refused and returned: likewise', (batch) => back(batch, 'refused'), 'whole: k(12)'],
    ['without an answer: nobody knows, so it is said', (batch) => back(batch, 'settled'), 'whole: k(12)'],
  ])('a row that waits behind a change of consent takes its form when that one is %s', async (_, end, expected) => {
    await read({ key: 'k', at: 1 });
    await all();
    await read({ key: 'k', at: 2, email: 1 });
    const batch = await claimed();
    await read({ key: 'k', at: 3, email: 1, value: 'B' });
    expect(brief(await next())).toBe('nothing');
    await end(batch);
    expect(await all()).toEqual([expected]);
    await balanced();
  });

  it.each<[string, (batch: ClaimedBatch) => Promise<void>, string]>([
    ['delivered', (batch) => settle(ledger.pool, lease, batch), 'whole: k(12)'],
    ['rejected', (batch) => settle(ledger.pool, lease, batch, { failed: [{ ord: 0, code: 'x', reason: 'x' }] }), 'without consent: k'],
    ['returned', (batch) => back(batch, 'refused'), 'without consent: k'],
    ['without an answer', (batch) => back(batch, 'settled'), 'whole: k(12)'],
  ])('a consent taken back behind a grant that ends %s is said wherever the grant may have arrived', async (_, end, expected) => {
    await read({ key: 'k', at: 1, email: 1 });
    await all();
    await read({ key: 'k', at: 2, email: 2 });
    const batch = await claimed();
    await read({ key: 'k', at: 3, email: 1, value: 'B' });
    await end(batch);
    expect(await all()).toEqual([expected]);
    await balanced();
  });

  it('a source that goes back to what was delivered before a call without an answer is sent, whole', async () => {
    await read({ key: 'k', at: 1, email: 1 });
    await all();
    await read({ key: 'k', at: 2, email: 2 });
    await back(await claimed(), 'settled');
    await read({ key: 'k', at: 3, email: 1 });
    expect(await all()).toEqual(['whole: k(12)']);
    await read({ key: 'k', at: 4, email: 1 });
    expect(await all()).toEqual([]);
    await balanced();
  });

  it('a repair says a consent that grants nothing also where it has not changed', async () => {
    await read({ key: 'k', at: 1, email: 1, sms: 1 });
    await all();
    await stageWith(ledger.pool, run, WAYS, [{ key: 'k', at: 1, email: 1, sms: 1 }], { resend: true, repair: true });
    expect(await all()).toEqual(['whole: k(11)']);
  });

  it('a rejected update is tried again in the form it would have now', async () => {
    await read({ key: 'k', at: 1 });
    await all();
    await read({ key: 'k', at: 2, value: 'B' });
    await settle(ledger.pool, lease, await claimed(), { failed: [{ ord: 0, code: 'x', reason: 'x' }] });
    await retryAll(ledger.pool, ledger.a);
    expect(await all()).toEqual(['without consent: k']);
    await balanced();
  });
});

describe('rows whose contact is not there after all', () => {
  it('go again as new ones, once, and only they', async () => {
    await read({ key: 'k', at: 1 }, { key: 'l', at: 1 });
    await all();
    await read({ key: 'k', at: 2, value: 'B' }, { key: 'l', at: 2, value: 'B' });
    const batch = await claimed();
    await settle(ledger.pool, lease, batch, { absent: batch.rows.filter((row) => row.key === 'k').map((row) => row.ord) });
    const again = await claimed();
    expect([brief(again), again.rows[0]?.known]).toEqual(['whole: k(22)', false]);
    await settle(ledger.pool, lease, again);
    expect(await all()).toEqual([]);
    expect(await contacts()).toEqual(['k', 'l']);
    await balanced();
  });

  it('are overtaken by what waits behind them, which then goes whole', async () => {
    await read({ key: 'k', at: 1 });
    await all();
    await read({ key: 'k', at: 2, value: 'B' });
    const batch = await claimed();
    await read({ key: 'k', at: 3, value: 'C' });
    await settle(ledger.pool, lease, batch, { absent: [0] });
    expect(await all()).toEqual(['whole: k(22)']);
    await balanced();
  });
});

describe('a changed key', () => {
  it('takes the contact with it; what waited under the former key is overtaken', async () => {
    await read({ key: 'old', at: 1 });
    await all();
    await read({ key: 'old', at: 2, value: 'B' });
    await read({ key: 'new', at: 3, value: 'C', previousKey: 'old' });
    expect(await all()).toEqual(['rename without consent: old→new']);
    expect(await contacts()).toEqual(['new']);
    await read({ key: 'new', at: 4, value: 'D', previousKey: 'old' });
    expect(await all()).toEqual(['without consent: new']);
    await balanced();
  });

  it('goes with its consent where that changed too', async () => {
    await read({ key: 'old', at: 1 });
    await all();
    await read({ key: 'new', at: 2, email: 1, previousKey: 'old' });
    expect(await all()).toEqual(['rename whole: old→new(12)']);
    await balanced();
  });

  it('waits for the call with the former key, whatever becomes of it', async () => {
    await read({ key: 'old', at: 1 });
    const batch = await claimed();
    await read({ key: 'new', at: 2, previousKey: 'old' });
    expect(brief(await next())).toBe('nothing');
    await settle(ledger.pool, lease, batch);
    expect(await all()).toEqual(['rename without consent: old→new']);
    expect(await contacts()).toEqual(['new']);
    await balanced();
  });

  it('overtakes the former key\'s call that comes back', async () => {
    await read({ key: 'old', at: 1, email: 1 });
    await all();
    await read({ key: 'old', at: 2, email: 2 });
    const batch = await claimed();
    await read({ key: 'new', at: 3, email: 1, previousKey: 'old' });
    await back(batch, 'settled');
    expect(await all()).toEqual(['rename whole: old→new(12)']);
    await balanced();
  });

  it('is not lost when something newer comes while its call is under way and does not arrive', async () => {
    await read({ key: 'old', at: 1 });
    await all();
    await read({ key: 'new', at: 2, previousKey: 'old' });
    const batch = await claimed();
    await read({ key: 'new', at: 3, value: 'B' });
    await back(batch, 'refused');
    expect(await all()).toEqual(['rename without consent: old→new']);
    expect(await contacts()).toEqual(['new']);
    await balanced();
  });

  it('is not lost when the source stops speaking of it before it was sent', async () => {
    await read({ key: 'old', at: 1 });
    await all();
    await read({ key: 'new', at: 2, previousKey: 'old' });
    await read({ key: 'new', at: 3, value: 'B' });
    expect(await all()).toEqual(['rename without consent: old→new']);
    await balanced();
  });

  it('is done once: what waited behind it is an ordinary update', async () => {
    await read({ key: 'old', at: 1 });
    await all();
    await read({ key: 'new', at: 2, previousKey: 'old' });
    const batch = await claimed();
    await read({ key: 'new', at: 3, value: 'B', previousKey: 'old' });
    await settle(ledger.pool, lease, batch);
    expect(await all()).toEqual(['without consent: new']);
    await balanced();
  });

  it('of a contact that is not there goes as a new one', async () => {
    await read({ key: 'new', at: 1, previousKey: 'old' });
    const batch = await claimed();
    expect(brief(batch)).toBe('rename whole: old→new(22)');
    await settle(ledger.pool, lease, batch, { absent: [0] });
    expect(await all()).toEqual(['whole: new(22)']);
    await balanced();
  });

  it('after a cut: those that landed are done, the others are renamed again', async () => {
    await read({ key: 'o1', at: 1 }, { key: 'o2', at: 1 });
    await all();
    await read({ key: 'n1', at: 2, previousKey: 'o1' }, { key: 'n2', at: 2, previousKey: 'o2' });
    const batch = await claimed();
    await holdUnknown(ledger.pool, lease, batch.id, 0, UNKNOWN);
    await settleLanded(ledger.pool, lease, batch.id, batch.rows.filter((row) => row.key === 'n1').map((row) => row.ord), UNKNOWN);
    expect(await contacts()).toEqual(['n1', 'o2']);
    await balanced();
    expect(await all()).toEqual(['rename without consent: o2→n2']);
    expect(await contacts()).toEqual(['n1', 'n2']);
    await balanced();
  });
});

it('where only keys change at the platform, every row says its consent', async () => {
  const ways: Ways = { keyChange: 'platform' };
  await stageWith(ledger.pool, run, ways, [{ key: 'old', at: 1 }]);
  const batch = await claimed();
  await stageWith(ledger.pool, run, ways, [{ key: 'new', at: 2, previousKey: 'old' }]);
  await settle(ledger.pool, lease, batch);
  expect(await all()).toEqual(['rename whole: old→new(22)']);
  await balanced();
});
