import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  adoptOrphans, audit, dueUnknown, duePolls, expireAccepted, FenceLost, holdUnknown, noteWebhook, outlook, pollLater, recordAccepted,
  type Acceptance, type ClaimedBatch, type Lease,
} from '../../src/ledger/index.js';
import { claimNext, settle, stageWith } from './kinds.js';
import { clear, createTestLedger, startRun, takeLease, type TestLedger, type TestRun } from './support.js';

const UNKNOWN = { outcome: 'unknown', httpStatus: null, message: null };
const TAKEN = { outcome: 'accepted', httpStatus: 202, message: null };

let ledger: TestLedger;
let lease: Lease;
let run: TestRun;
let batch: ClaimedBatch;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());
beforeEach(async () => {
  await clear(ledger.pool);
  lease = await takeLease(ledger.pool, ledger.a.accountId);
  run = await startRun(ledger.pool, ledger.a);
  await stageWith(ledger.pool, run, {}, [{ key: 'k', at: 1 }]);
  batch = (await claimNext(ledger.pool, lease))!;
});

const accept = (more: Partial<Acceptance> = {}, by = lease): Promise<void> =>
  recordAccepted(ledger.pool, by, batch.id, { reference: 'ref', notes: [], unknownIds: [], pollInMs: 60_000, withinMs: 60_000, ...more }, TAKEN);
const due = () => duePolls(ledger.pool, lease.accountId, 10);
const status = async (): Promise<unknown> => (await ledger.pool.query('SELECT status, reference FROM batch WHERE id = $1', [batch.id])).rows[0];
const balanced = async (): Promise<void> => { expect((await audit(ledger.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]); };

describe('an accepted batch', () => {
  it('is asked for when its time has come, again later each time in vain, and settled by what it says', async () => {
    await accept();
    expect(await due()).toEqual([]);
    expect(await outlook(ledger.pool, lease.accountId)).toMatchObject({ accepted: 1, open: true });
    await pollLater(ledger.pool, lease, batch.id, 0);
    expect(await due()).toMatchObject([{ id: batch.id, reference: 'ref', polls: 1, rows: 1 }]);
    await pollLater(ledger.pool, lease, batch.id, 60_000);
    expect(await due()).toEqual([]);
    await settle(ledger.pool, lease, batch, { receipt: { inserted: 1, updated: 0, skipped: 0, ids: ['id-1'] } });
    expect(await status()).toMatchObject({ status: 'settled' });
    await balanced();
  });

  it('whose result never comes is unknown, held for the settle delay, and asked for no more', async () => {
    await accept({ withinMs: 60_000, pollInMs: 0 });
    expect(await expireAccepted(ledger.pool, lease, 0)).toBe(0);
    await ledger.pool.query('UPDATE batch SET settle_at = clock_timestamp()');
    // Nobody was there to ask while there was time: it is asked for once more before it is given up.
    expect(await expireAccepted(ledger.pool, lease, 0)).toBe(0);
    expect(await due()).toMatchObject([{ id: batch.id }]);
    await pollLater(ledger.pool, lease, batch.id, 60_000);
    expect(await expireAccepted(ledger.pool, lease, 0)).toBe(1);
    expect([await due(), await dueUnknown(ledger.pool, lease.accountId)]).toMatchObject([[], [{ id: batch.id }]]);
    await balanced();
  });

  it('is written down by nobody who has lost the lease', async () => {
    const old = lease;
    lease = await takeLease(ledger.pool, ledger.a.accountId, 'other');
    await expect(accept({}, old)).rejects.toThrow(FenceLost);
  });

  it('keeps what the platform remarked, and the next one without remarks clears it', async () => {
    const notes = async (): Promise<unknown> => (await ledger.pool.query<{ notes: unknown }>('SELECT notes FROM destination WHERE id = $1', [ledger.a.destinationId])).rows[0]?.notes;
    await accept({ notes: ['no property shoe'] });
    expect(await notes()).toEqual(['no property shoe']);
    await accept();
    expect(await notes()).toBeNull();
  });

  it('that says an id is not known makes the ledger forget it', async () => {
    await settle(ledger.pool, lease, batch, { receipt: { inserted: 1, updated: 0, skipped: 0, ids: ['id-1'] } });
    await stageWith(ledger.pool, run, {}, [{ key: 'k', at: 2, value: 'B' }]);
    batch = (await claimNext(ledger.pool, lease, 1000, true))!;
    expect(batch.rows[0]?.platformId).toBe('id-1');
    await accept({ unknownIds: [0] });
    expect((await ledger.pool.query('SELECT platform_id AS id FROM contact')).rows).toEqual([{ id: null }]);
  });
});

describe('a webhook', () => {
  const told = (reference: string | null = 'ref', id = batch.id, destination = 'newsletter') => noteWebhook(ledger.pool, destination, id, reference);

  it('faster than the answer has the result asked for at once when that comes', async () => {
    expect(await told()).toBe('acme');
    expect(await status()).toEqual({ status: 'sending', reference: 'ref' });
    await accept();
    expect(await due()).toHaveLength(1);
  });

  it('before a cut: the call is accepted, and can be asked for', async () => {
    await told();
    await holdUnknown(ledger.pool, lease, batch.id, 60_000, UNKNOWN);
    expect(await status()).toMatchObject({ status: 'accepted' });
    expect(await due()).toMatchObject([{ reference: 'ref' }]);
  });

  it('after a cut: likewise, with time left to ask even when the hold was almost over', async () => {
    await holdUnknown(ledger.pool, lease, batch.id, 0, UNKNOWN);
    await told();
    expect(await expireAccepted(ledger.pool, lease, 0)).toBe(0);
    expect([await dueUnknown(ledger.pool, lease.accountId), await due()]).toMatchObject([[], [{ reference: 'ref' }]]);
  });

  it('without a reference, or none of it, tells a cut call nothing', async () => {
    await holdUnknown(ledger.pool, lease, batch.id, 0, UNKNOWN);
    await told(null);
    expect(await status()).toEqual({ status: 'unknown', reference: null });
  });

  it('before the worker died: whoever takes over asks for the result', async () => {
    await told();
    lease = await takeLease(ledger.pool, ledger.a.accountId, 'other');
    expect(await adoptOrphans(ledger.pool, lease, 60_000)).toBe(1);
    expect([await status(), await due()]).toMatchObject([{ status: 'accepted' }, [{ reference: 'ref' }]]);
    await settle(ledger.pool, lease, batch);
    await balanced();
  });

  it('twice, late, for another destination or for a batch that never was changes nothing', async () => {
    await accept();
    expect(await told('other')).toBe('acme');
    expect(await status()).toEqual({ status: 'accepted', reference: 'ref' });
    await settle(ledger.pool, lease, batch);
    const before = (await ledger.pool.query('SELECT * FROM batch')).rows;
    expect([await told(), await told('ref', batch.id, 'elsewhere'), await told('ref', batch.id + 1_000)]).toEqual([null, null, null]);
    expect((await ledger.pool.query('SELECT * FROM batch')).rows).toEqual(before);
  });
});
