import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { audit, ensureSync, listFailures, type ClaimedBatch, type Lease, type SyncIds, type Ways } from '../../src/ledger/index.js';
import { brief, claimNext, deliverAll, settle, stageWith, type FullWish } from './kinds.js';
import { clear, createTestLedger, retryAll, startRun, takeLease, type TestLedger, type TestRun } from './support.js';

const HOLD: Ways = { keyChange: 'ledger', identityChange: 'hold' };
const SEND: Ways = { keyChange: 'ledger', identityChange: 'send' };
const P = 'phone and e-mail of one person';
const Q = 'others';

let ledger: TestLedger;
let lease: Lease;
let run: TestRun;
/** Another source's sync into another list of the same account. */
let elsewhere: SyncIds;
beforeAll(async () => {
  ledger = await createTestLedger(4);
  elsewhere = await ensureSync(ledger.pool, { sync: 'c', source: 'shop', destination: 'second', account: 'acme', configHash: 'x', configured: ['a', 'b', 'c'] });
});
afterAll(() => ledger.close());
beforeEach(async () => {
  await clear(ledger.pool);
  await ledger.pool.query('UPDATE sync SET retired = false');
  lease = await takeLease(ledger.pool, ledger.a.accountId);
  run = await startRun(ledger.pool, ledger.a);
});

const read = (...wishes: FullWish[]) => stageWith(ledger.pool, run, HOLD, wishes);
const readElsewhere = async (...wishes: FullWish[]) => stageWith(ledger.pool, await startRun(ledger.pool, elsewhere), HOLD, wishes);
const next = (): Promise<ClaimedBatch | undefined> => claimNext(ledger.pool, lease, 1000, true);
const all = async (): Promise<string[]> => (await deliverAll(ledger.pool, lease, true)).map(brief);
const failures = async (sync = 'a'): Promise<(string | null)[][]> => (await listFailures(ledger.pool, sync, 10)).failures.map(({ key, code, reason }) => [key, code ?? null, reason]);
const balanced = async (): Promise<void> => { expect((await audit(ledger.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]); };
/** Delivers a lone contact and learns its id at the platform. */
async function learn(id: string): Promise<void> {
  await settle(ledger.pool, lease, (await next())!, { receipt: { inserted: 1, updated: 0, skipped: 0, ids: [id] } });
}

describe('two contacts the platform takes for one', () => {
  it('on one page: the first is sent with the strictest consent of both, the other is rejected naming the first', async () => {
    await read({ key: 'k', at: 1, identity: P }, { key: 'l', at: 1, email: 1, sms: 0, identity: P });
    expect(await all()).toEqual(['whole: k(10)']);
    expect(await failures()).toEqual([['l', 'duplicate', expect.stringContaining('as contact k,') as string]]);
    await balanced();
  });

  it.each(['waiting', 'in flight', 'delivered'])('the first, already %s, is lowered when the other comes', async (state) => {
    await read({ key: 'k', at: 1, identity: P });
    const batch = state === 'waiting' ? undefined : await next();
    if (batch && state === 'delivered') await settle(ledger.pool, lease, batch);
    const result = await read({ key: 'l', at: 2, email: 1, identity: P });
    expect(result.optOuts).toBe(state === 'waiting' ? 0 : 1);
    if (batch && state === 'in flight') {
      // It goes at once, and once more when the call it crossed has ended.
      await settle(ledger.pool, lease, (await next())!);
      expect(brief(await next())).toBe('nothing');
      await settle(ledger.pool, lease, batch);
    }
    expect(await all()).toEqual(['whole: k(12)']);
    await read({ key: 'k', at: 3, identity: P }, { key: 'l', at: 3, email: 1, identity: P });
    expect(await all()).toEqual([]);
    await balanced();
  });

  it.each(['waiting', 'in flight', 'delivered'])('of different sources and lists of one account, the first %s: likewise', async (state) => {
    await read({ key: 'k', at: 1, identity: P });
    const batch = state === 'waiting' ? undefined : await next();
    if (batch && state === 'delivered') await settle(ledger.pool, lease, batch);
    await readElsewhere({ key: 'k', at: 2, sms: 1, identity: P });
    if (batch && state === 'in flight') await settle(ledger.pool, lease, batch);
    expect(await all()).toEqual(['whole: k(21)']);
    expect(await failures('c')).toMatchObject([['k', 'duplicate', expect.stringContaining('as contact k,')]]);
    await balanced();
  });

  it('the first is lowered also when the other opts out later, and stays so when it is read again', async () => {
    await read({ key: 'k', at: 1, identity: P }, { key: 'l', at: 1, identity: P });
    expect(await all()).toEqual(['whole: k(22)']);
    await read({ key: 'l', at: 2, email: 1, identity: P });
    expect(await all()).toEqual(['whole: k(12)']);
    await read({ key: 'k', at: 3, value: 'B', identity: P });
    expect(await all()).toEqual(['whole: k(12)']);
    await balanced();
  });

  it('the other is still rejected when it is read again, with its first date, and is not tried again', async () => {
    await read({ key: 'k', at: 1, identity: P }, { key: 'l', at: 1, identity: P });
    await all();
    const since = (await listFailures(ledger.pool, 'a', 10)).failures[0]!.since;
    await read({ key: 'l', at: 2, identity: P });
    await read({ key: 'l', at: 3, value: 'B', identity: P });
    expect((await listFailures(ledger.pool, 'a', 10)).failures).toMatchObject([{ key: 'l', since }]);
    await retryAll(ledger.pool, ledger.a, true);
    expect(await all()).toEqual([]);
    await balanced();
  });

  it('the other is sent once the first has moved away', async () => {
    await stageWith(ledger.pool, run, SEND, [{ key: 'k', at: 1, identity: P }, { key: 'l', at: 1, email: 1, identity: P }]);
    await all();
    await stageWith(ledger.pool, run, SEND, [{ key: 'k', at: 2, identity: Q }]);
    expect(await all()).toEqual(['whole: k(22)']);
    await stageWith(ledger.pool, run, SEND, [{ key: 'k', at: 2, identity: Q }, { key: 'l', at: 1, email: 1, identity: P }]);
    expect(await all()).toEqual(['whole: l(12)']);
    expect(await failures()).toEqual([]);
    await balanced();
  });

  it('while the first still waits on another list under the old identity, the other is not sent', async () => {
    const own = await ensureSync(ledger.pool, { sync: 'c', source: 'crm', destination: 'second', account: 'acme', configHash: 'x', configured: ['a', 'b', 'c'] });
    await stageWith(ledger.pool, await startRun(ledger.pool, own), SEND, [{ key: 'k', at: 1, identity: P }]);
    await stageWith(ledger.pool, run, SEND, [{ key: 'k', at: 2, identity: Q }, { key: 'l', at: 2, identity: P }]);
    expect((await failures()).map(([key, code]) => [key, code])).toEqual([['l', 'duplicate']]);
    await ensureSync(ledger.pool, { sync: 'c', source: 'shop', destination: 'second', account: 'acme', configHash: 'x', configured: ['a', 'b', 'c'] });
    await balanced();
  });
});

describe('a contact whose identity changed', () => {
  it('is held while its id is not known, still so when read again, and sent with the id once one is', async () => {
    await read({ key: 'k', at: 1, identity: P }, { key: 'l', at: 1, identity: Q });
    await all();
    await read({ key: 'k', at: 2, identity: 'new' });
    await read({ key: 'k', at: 3, identity: 'new' });
    expect(await all()).toEqual([]);
    expect(await failures()).toEqual([['k', 'held', expect.stringContaining('onKeyChange') as string]]);
    await read({ key: 'k', at: 4, value: 'B', identity: P });
    await learn('id-7');
    await read({ key: 'k', at: 5, identity: 'new' });
    const batch = await next();
    expect(batch?.rows).toMatchObject([{ key: 'k', platformId: 'id-7' }]);
    await settle(ledger.pool, lease, batch!);
    expect(await failures()).toEqual([]);
    await balanced();
  });

  it('is sent without an id where that is asked for', async () => {
    await stageWith(ledger.pool, run, SEND, [{ key: 'k', at: 1, identity: P }]);
    await all();
    await stageWith(ledger.pool, run, SEND, [{ key: 'k', at: 2, identity: Q }]);
    expect((await next())?.rows).toMatchObject([{ key: 'k', platformId: null }]);
  });

  it.each(['delivered', 'in flight'])('and opts out while it is held (its old self %s): the opt-out goes under the old fields', async (state) => {
    await read({ key: 'k', at: 1, value: 'old', identity: P });
    const batch = (await next())!;
    if (state === 'delivered') await settle(ledger.pool, lease, batch);
    await read({ key: 'k', at: 2, value: 'new', email: 1, identity: Q });
    if (state === 'in flight') await settle(ledger.pool, lease, batch);
    const sent = (await next())!;
    expect([brief(sent), sent.rows[0]?.fields]).toEqual(['whole: k(12)', JSON.stringify({ value: 'old', identity: P })]);
    await settle(ledger.pool, lease, sent);
    expect((await failures()).map(([key, code]) => [key, code])).toEqual([['k', 'held']]);
    expect(await all()).toEqual([]);
    await balanced();
  });
});

describe('a key that changes in the ledger alone', () => {
  it('keeps the contact and its id: nothing is sent for the key', async () => {
    await read({ key: 'old', at: 1, identity: P });
    await learn('id-1');
    await read({ key: 'new', at: 2, previousKey: 'old', identity: P });
    expect(await all()).toEqual([]);
    await read({ key: 'new', at: 3, value: 'B', previousKey: 'old', identity: Q });
    expect((await next())?.rows).toMatchObject([{ key: 'new', known: true, platformId: 'id-1' }]);
    await balanced();
  });

  it('waits for a call under the former key, and keeps the id that one brings', async () => {
    await read({ key: 'old', at: 1, identity: P });
    const batch = (await next())!;
    await read({ key: 'new', at: 2, previousKey: 'old', identity: P });
    expect(brief(await next())).toBe('nothing');
    await settle(ledger.pool, lease, batch, { receipt: { inserted: 1, updated: 0, skipped: 0, ids: ['id-2'] } });
    const renamed = (await next())!;
    expect(renamed.rows).toMatchObject([{ key: 'new', platformId: 'id-2' }]);
    await settle(ledger.pool, lease, renamed);
    const { rows } = await ledger.pool.query('SELECT key, platform_id AS id FROM contact');
    expect(rows).toEqual([{ key: 'new', id: 'id-2' }]);
    await balanced();
  });
});

describe('an id of the platform\'s own', () => {
  it('is kept only where the answer speaks of one row', async () => {
    await read({ key: 'k', at: 1, identity: P }, { key: 'l', at: 1, identity: Q });
    await learn('id-of-either');
    expect((await ledger.pool.query('SELECT 1 FROM contact WHERE platform_id IS NOT NULL')).rows).toEqual([]);
  });
});
