import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  acquireLease, adoptOrphans, audit, blockLane, claimable, claimBatch, dueUnknown, ensureSync, FenceLost, findLane, holdUnknown, pauseForQuota, releaseLease, renewLease,
  returnRows, setPaused, settleAnswered, showLane, tryAgain, type Lease,
} from '../../src/ledger/index.js';
import { ANSWERED, claimLoose, clear, createTestLedger, REFUSED, stage, startRun, SYNCS, takeLease, type TestLedger, type TestRun } from './support.js';

let ledger: TestLedger;
let lease: Lease;
let run: TestRun;
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(() => ledger.close());
beforeEach(async () => {
  await clear(ledger.pool);
  lease = await takeLease(ledger.pool, ledger.a.accountId);
  run = await startRun(ledger.pool, ledger.a);
});

const wishes = (keys: readonly string[], at = 1) => keys.map((key) => ({ key, at, value: `${key}@${at}` }));
const keysOf = (batch: { readonly rows: readonly { readonly key: string }[] } | undefined): string[] | undefined => batch?.rows.map((row) => row.key);
const waiting = async (): Promise<number> => (await ledger.pool.query<{ n: number }>('SELECT count(*) AS n FROM outbox')).rows[0]!.n;
const back = (batch: { id: number; bundle: number | null }, bundle: { tries: number; suspect: boolean; delayMs: number } | null) =>
  returnRows(ledger.pool, lease, batch.id, { status: 'refused', parts: [{ fromOrd: 0, bundle }], spendsAttempt: true, keepRootOf: batch.bundle }, REFUSED);

describe('the lease', () => {
  const expire = () => ledger.pool.query(`UPDATE account SET lease_until = clock_timestamp() - interval '1 ms'`);

  it('has one holder; the next waits for as long as it holds, and takes it when it has run out or was given back', async () => {
    const { pool, a } = ledger;
    await expire();
    const askedAt = performance.now();
    lease = (await acquireLease(pool, a.accountId, 'test') as { lease: Lease }).lease;
    const held = await acquireLease(pool, a.accountId, 'other');
    expect(held).toMatchObject({ heldMs: expect.any(Number) as number });
    expect((held as { heldMs: number }).heldMs).toBeGreaterThan(9_900 - (performance.now() - askedAt));
    await releaseLease(pool, lease);
    expect(await acquireLease(pool, a.accountId, 'other')).toHaveProperty('lease');
    expect(await renewLease(pool, lease)).toBe(false);
    await expire();
    expect(await acquireLease(pool, a.accountId, 'third')).toHaveProperty('lease');
  });

  it('has one winner of many who ask at once', async () => {
    await expire();
    const asked = await Promise.all(Array.from({ length: 8 }, (_, index) => acquireLease(ledger.pool, ledger.a.accountId, `driver ${index}`)));
    expect(asked.filter((one) => 'lease' in one)).toHaveLength(1);
  });

  it('that has run out claims nothing, and nothing is lost', async () => {
    await stage(ledger.pool, run, wishes(['k', 'l']));
    await expire();
    expect(await claimLoose(ledger.pool, lease, ledger.a.destinationId)).toBeUndefined();
    expect(await waiting()).toBe(2);
    expect((await audit(ledger.pool, null)).balanced).toBe(true);
  });

  it('taken over: the old holder writes nothing, its call is unknown and is sent again after the settle delay only', async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['k', 'l']));
    const batch = (await claimLoose(pool, lease, a.destinationId, 1))!;
    await expire();
    const next = await takeLease(pool, a.accountId, 'other');
    expect(await claimLoose(pool, lease, a.destinationId)).toBeUndefined();
    await expect(settleAnswered(pool, lease, batch.id, { failed: [] }, ANSWERED)).rejects.toThrow(FenceLost);
    await expect(holdUnknown(pool, lease, batch.id, 0, ANSWERED)).rejects.toThrow(FenceLost);
    await expect(back(batch, null)).rejects.toThrow(FenceLost);
    await blockLane(pool, lease, 'from the grave', '');
    expect((await findLane(pool, 'acme'))!.blocked).toBe(false);
    expect(await adoptOrphans(pool, next, 2_000)).toBe(1);
    expect(await dueUnknown(pool, a.accountId)).toEqual([]);
    expect(keysOf(await claimLoose(pool, next, a.destinationId))).toEqual(['l']);
    await expect.poll(async () => (await dueUnknown(pool, a.accountId)).map(({ id }) => id)).toEqual([batch.id]);
    await returnRows(pool, next, batch.id, { status: 'settled', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null }, { outcome: 'unknown', httpStatus: null, message: null });
    expect(keysOf(await claimLoose(pool, next, a.destinationId))).toEqual(['k']);
    expect((await audit(pool, null)).balanced).toBe(true);
  });

  it('claims and takeovers in any order lose no row', async () => {
    const { pool, a } = ledger;
    for (let round = 0; round < 40; round += 1) {
      await stage(pool, run, wishes([`r${round}`]));
      await expire();
      await pool.query(`UPDATE account SET lease_until = clock_timestamp() + interval '5 s'`);
      const [, claimed] = await Promise.all([
        pool.query(`UPDATE account SET fence = fence + 1, lease_owner = 'x' WHERE id = $1`, [a.accountId]),
        claimLoose(pool, lease, a.destinationId),
      ]);
      expect(await waiting()).toBe(claimed ? 0 : 1);
      lease = await takeLease(pool, a.accountId);
      if (!claimed) await claimLoose(pool, lease, a.destinationId);
    }
    expect((await audit(pool, null)).balanced).toBe(true);
  });
});

describe('claiming', () => {
  it('takes opt-outs first, then each class in the order of staging', async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['o1', 'o2']));
    const known = (await claimLoose(pool, lease, a.destinationId))!;
    await settleAnswered(pool, lease, known.id, { failed: [] }, ANSWERED);
    await stage(pool, run, wishes(['c1']), { priority: 3 });
    await stage(pool, run, wishes(['b1']), { priority: 2 });
    await stage(pool, run, wishes(['a1', 'a2']), { priority: 1 });
    await stage(pool, run, [{ key: 'o2', at: 2, value: 'x', consent: 1 }, { key: 'o1', at: 2, value: 'x', consent: 1 }], { priority: 3 });
    expect(keysOf(await claimLoose(pool, lease, a.destinationId, 3))?.slice().sort()).toEqual(['a1', 'o1', 'o2']);
    expect(keysOf(await claimLoose(pool, lease, a.destinationId, 2))).toEqual(['a2', 'b1']);
    expect(keysOf(await claimLoose(pool, lease, a.destinationId, 2))).toEqual(['c1']);
  });

  it('gives the lowest class its turn before the middle ones, never before an opt-out', async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['o1']));
    const known = (await claimLoose(pool, lease, a.destinationId))!;
    await settleAnswered(pool, lease, known.id, { failed: [] }, ANSWERED);
    await stage(pool, run, wishes(['a1', 'a2']), { priority: 1 });
    await stage(pool, run, wishes(['c1']), { priority: 3 });
    await stage(pool, run, [{ key: 'o1', at: 2, value: 'x', consent: 1 }]);
    expect(keysOf(await claimLoose(pool, lease, a.destinationId, 2, true))?.slice().sort()).toEqual(['c1', 'o1']);
  });

  it('keeps bundles and loose rows apart, and a bundle back until its time', async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['k', 'l']));
    const first = (await claimLoose(pool, lease, a.destinationId))!;
    await stage(pool, run, wishes(['m']));
    await back(first, { tries: 1, suspect: false, delayMs: 2_500 });
    expect(keysOf(await claimLoose(pool, lease, a.destinationId))).toEqual(['m']);
    expect(await claimable(pool, a.accountId, 1000)).toEqual([]);
    await expect.poll(async () => (await claimable(pool, a.accountId, 1000)).map((group) => [group.bundle !== null, group.ready, group.tries])).toEqual([[true, 2, 1]]);
    const [group] = await claimable(pool, a.accountId, 1000);
    expect(keysOf(await claimBatch(pool, lease, group!, 1000))).toEqual(['k', 'l']);
  });

  it('passes over rows that are being staged anew, and takes them as they become', async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['k', 'l']));
    const connection = await pool.connect();
    await connection.query('BEGIN');
    await connection.query(`SELECT 1 FROM outbox WHERE key = 'k' FOR UPDATE`);
    expect(keysOf(await claimLoose(pool, lease, a.destinationId))).toEqual(['l']);
    await connection.query('ROLLBACK');
    connection.release();
    expect(keysOf(await claimLoose(pool, lease, a.destinationId))).toEqual(['k']);
  });

  it('tells new contacts from known ones', async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['k']));
    const first = (await claimLoose(pool, lease, a.destinationId))!;
    expect(first.rows[0]!.known).toBe(false);
    await stage(pool, run, wishes(['k'], 2));
    await settleAnswered(pool, lease, first.id, { failed: [] }, ANSWERED);
    expect((await claimLoose(pool, lease, a.destinationId))!.rows[0]!.known).toBe(true);
  });
});

describe('what a lane shows', () => {
  it('claims nothing once it is blocked or paused, also for a call that had its place by then', async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['k']));
    await setPaused(pool, 'acme', true);
    expect(await claimLoose(pool, lease, a.destinationId)).toBeUndefined();
    await setPaused(pool, 'acme', false);
    await blockLane(pool, lease, 'refused', 'mend it');
    expect(await claimLoose(pool, lease, a.destinationId)).toBeUndefined();
    expect(await waiting()).toBe(1);
    await tryAgain(pool, 'acme');
    expect(keysOf(await claimLoose(pool, lease, a.destinationId))).toEqual(['k']);
  });

  it('goes on saying that it is blocked or paused until somebody lifts it', async () => {
    const { pool, a } = ledger;
    await blockLane(pool, lease, 'Missing scope', 'grant it');
    await showLane(pool, a.accountId, { state: 'sending' });
    expect(await findLane(pool, 'acme')).toMatchObject({ state: 'blocked', reason: 'Missing scope', hint: 'grant it' });
    await tryAgain(pool, 'acme');
    expect(await findLane(pool, 'acme')).toMatchObject({ state: 'idle', blocked: false, reason: null });
    await setPaused(pool, 'acme', true);
    await tryAgain(pool, 'acme');
    await showLane(pool, a.accountId, { state: 'sending' });
    expect(await findLane(pool, 'acme')).toMatchObject({ state: 'paused', paused: true });
    await setPaused(pool, 'acme', false);
  });

  it('waits a minute at least for a quota, however wrong the time it is told', async () => {
    await pauseForQuota(ledger.pool, lease, '2001-01-01T00:00:00Z', 'quota exceeded');
    const lane = (await findLane(ledger.pool, 'acme'))!;
    expect(lane).toMatchObject({ state: 'paused', quota: true });
    expect(lane.waitMs).toBeGreaterThan(50_000);
  });

  it('registering a sync beside settlements meets no deadlock', async () => {
    const { pool, a } = ledger;
    for (let round = 0; round < 25; round += 1) {
      await stage(pool, run, wishes([`d${round}`]));
      const batch = (await claimLoose(pool, lease, a.destinationId))!;
      await pool.query(`UPDATE account SET last_success_at = '-infinity'`);
      await pool.query(`UPDATE destination SET witness_at = '-infinity'`);
      await Promise.all([
        settleAnswered(pool, lease, batch.id, { failed: [] }, ANSWERED),
        ...SYNCS.map((sync) => ensureSync(pool, { sync, source: 'crm', destination: 'newsletter', account: 'acme', configHash: 'x', configured: SYNCS })),
      ]);
    }
  });
});

describe('the books', () => {
  const faults = async (): Promise<string> => (await audit(ledger.pool, null)).runs.find((one) => one.run === run.id)!.faults.join('; ');

  beforeEach(async () => {
    const { pool, a } = ledger;
    await stage(pool, run, wishes(['k', 'l', 'm', 'n', 'o']), { invalid: [{ key: 'x', place: null, reason: 'no e-mail' }], filtered: 1, extracted: 7 });
    const batch = (await claimLoose(pool, lease, a.destinationId, 2))!;
    await settleAnswered(pool, lease, batch.id, { failed: [{ ord: 0, code: 'bad', reason: 'bad' }] }, ANSWERED);
    await claimLoose(pool, lease, a.destinationId, 1);
    await stage(pool, run, wishes(['n'], 2));
    expect(await faults()).toBe('');
  });

  it.each([
    ['a waiting row is lost', `DELETE FROM outbox WHERE key = 'o'`, /queued, 5 are accounted for.*waiting: the books say 2, the rows 1/],
    ['a delivered row is lost', `DELETE FROM batch_row WHERE key = 'l'`, /delivered: the books say 1, the rows 0/],
    ['a row is in two places', `INSERT INTO overtaken (destination_id, key, run_no, version, reason) SELECT destination_id, key, run_no, version, '' FROM outbox WHERE key = 'o'`, /queued, 7 are accounted for/],
    ['a rejection is lost', `DELETE FROM rejection WHERE code = 'bad'`, /rejected: the books say 1, the rows 0/],
    ['an invalid row is lost', `DELETE FROM rejection WHERE code = 'invalid'`, /invalid: the books say 1, the rows 0/],
    ['an overtaken row is lost', `DELETE FROM overtaken`, /queued, 5 are accounted for/],
    ['a row under way is lost', `DELETE FROM batch_row WHERE key = 'm'`, /inFlight: the books say 1, the rows 0/],
    ['a page is lost', `DELETE FROM page WHERE no = 1`, /0 rows were queued|1 rows were queued/],
    ['a page says more than was read', `UPDATE page SET extracted = extracted + 1 WHERE no = 1`, /9 rows were extracted, 8 are accounted for/],
    ['a call settled itself', `UPDATE batch SET status = 'settled' WHERE status = 'sending'`, /delivered: the books say 1, the rows 2/],
    ['a count of a call is wrong', `UPDATE batch_run SET delivered = delivered + 1 WHERE delivered = 1`, /delivered: the books say 2, the rows 1/],
  ])('tell when %s', async (_, damage, expected) => {
    await ledger.pool.query(damage);
    expect(await faults()).toMatch(expected);
  });
});
