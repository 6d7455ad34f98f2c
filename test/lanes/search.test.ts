import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Destination, OutgoingBatch, Outcome } from '../../src/destinations/index.js';
import { drive, mostCalls, WITHOUT_WITNESS } from '../../src/lanes/index.js';
import { audit, listFailures, tryAgain } from '../../src/ledger/index.js';
import { clear, createTestLedger, stage, startRun, type TestLedger } from '../ledger/support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(6); });
afterAll(() => ledger.close());

const keyOf = (row: number): string => `k${String(row).padStart(4, '0')}`;

/** A platform that refuses a call for one bad row, and remembers what it was sent. */
class AllOrNothing {
  readonly calls: { readonly keys: readonly string[]; readonly refused: boolean }[] = [];
  private readonly open = new Set<readonly string[]>();
  readonly beside: (readonly [readonly string[], readonly string[]])[] = [];

  constructor(private readonly bad: ReadonlySet<string>) {}

  /** Pairs of calls that were under way together although both were parts of one that was refused. */
  get partsTogether(): readonly unknown[] {
    const holds = (whole: readonly string[], part: readonly string[]): boolean => whole.length > part.length && part.every((key) => whole.includes(key));
    const refused = this.calls.filter((call) => call.refused).map((call) => call.keys).sort((a, b) => a.length - b.length);
    const partOf = (keys: readonly string[]): readonly string[] | undefined => refused.find((call) => holds(call, keys));
    return this.beside.filter(([one, other]) => partOf(one) !== undefined && partOf(one) === partOf(other));
  }

  get destination(): Destination {
    const send = async ({ rows }: OutgoingBatch): Promise<Outcome> => {
      const keys = rows.map((row) => row.key);
      for (const other of this.open) this.beside.push([other, keys]);
      this.open.add(keys);
      await new Promise((resolve) => setImmediate(resolve));
      this.open.delete(keys);
      const refused = keys.some((key) => this.bad.has(key));
      this.calls.push({ keys, refused });
      return refused ? { kind: 'refused', message: 'a contact cannot be accepted', httpStatus: 422 } : { kind: 'answered', failed: [], httpStatus: 200 };
    };
    return { capabilities: { maxBatchSize: 1000, maxBodyBytes: null, results: 'immediate', readBack: 'full', locales: null }, send } as unknown as Destination;
  }
}

/** Delivers so many rows in one call and its parts. @returns the calls, and who was rejected */
async function search(rows: number, bad: ReadonlySet<number>, witness: boolean): Promise<{ readonly platform: AllOrNothing; readonly rejected: readonly string[]; readonly blocked: boolean }> {
  await clear(ledger.pool);
  await ledger.pool.query('DELETE FROM kind');
  const platform = new AllOrNothing(new Set([...bad].map(keyOf)));
  const run = await startRun(ledger.pool, ledger.a);
  const { destination } = platform;
  const driveOn = async (): Promise<boolean> => (await drive({
    pool: ledger.pool, account: 'acme', owner: 'test', settleDelay: 100, windowMs: 20_000, longWaitMs: 1_000, signal: new AbortController().signal,
    driven: () => ({ destination, batchSize: 1000, linger: 0, timeout: 5_000, settleDelay: 100, limits: { calls: 100_000, per: 1_000, concurrency: 4 } }),
  })).state === 'blocked';
  await stage(ledger.pool, run, Array.from({ length: rows }, (_, row) => ({ key: keyOf(row), at: 1, value: 'A' })));
  // Nobody feeds the lane any more.
  await ledger.pool.query('UPDATE run SET extracting = false');
  // Something else is accepted as soon as the search has begun.
  if (witness) await ledger.pool.query(`UPDATE destination SET witness_at = now() + interval '1 hour'`);
  let blocked = await driveOn();
  if (blocked && bad.size < rows) {
    await ledger.pool.query(`UPDATE destination SET witness_at = now() + interval '1 hour'`);
    await tryAgain(ledger.pool, 'acme');
    await driveOn();
    blocked = true;
  }
  expect((await audit(ledger.pool, null)).balanced).toBe(true);
  return { platform, rejected: (await listFailures(ledger.pool, 'a', 10_000)).failures.map((failure) => failure.key!).sort(), blocked };
}

const trial = fc.record({ rows: fc.integer({ min: 2, max: 70 }), picks: fc.array(fc.nat(), { maxLength: 6 }), witness: fc.boolean() });

describe('the search for what a platform refuses, through the ledger', () => {
  it('rejects exactly the bad rows, delivers every other once, in no more calls than the bound, and no two parts of a call side by side', async () => {
    await fc.assert(fc.asyncProperty(trial, async ({ rows, picks, witness }) => {
      const bad = new Set(picks.map((pick) => pick % rows));
      const { platform, rejected, blocked } = await search(rows, bad, witness);
      // Where everything looks refused, a person is asked first; that is another test's.
      if (blocked) return;
      expect(rejected).toEqual([...bad].map(keyOf).sort());
      const delivered = platform.calls.filter((call) => !call.refused).flatMap((call) => call.keys);
      expect([...delivered].sort()).toEqual(Array.from({ length: rows }, (_, row) => row).filter((row) => !bad.has(row)).map(keyOf));
      expect(platform.calls.length).toBeLessThanOrEqual(mostCalls(rows, bad.size) + (witness ? 0 : WITHOUT_WITNESS));
      expect(platform.partsTogether).toEqual([]);
    }), { numRuns: Number(process.env['MODEL_RUNS'] ?? 12), endOnFailure: true });
  }, 300_000);

  it('needs all of the bound for a bad first row, and one call a level for a bad last one', async () => {
    const first = await search(64, new Set([0]), true);
    expect([first.platform.calls.length, first.rejected]).toEqual([mostCalls(64, 1), [keyOf(0)]]);
    const last = await search(64, new Set([63]), true);
    expect([last.platform.calls.map((call) => call.keys.length), last.rejected]).toEqual([[64, 32, 16, 8, 4, 2, 1, 1], [keyOf(63)]]);
  });

  it('sends the untouched half before it goes deeper', async () => {
    const { platform } = await search(64, new Set([0]), true);
    expect(platform.calls.map((call) => `${call.keys.length}${call.refused ? ' refused' : ''}`)).toEqual([
      '64 refused', '32 refused', '32', '16 refused', '16', '8 refused', '8', '4 refused', '4', '2 refused', '2', '1 refused', '1']);
  });
});

describe('the bound', () => {
  it('is no more than 2·b·(⌈log2 n⌉ − ⌊log2 b⌋ + 1) − 1', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat({ max: 200 }), (rows, picks) => {
      const bad = Math.min(picks, rows);
      const most = mostCalls(rows, bad);
      if (bad === 0) expect(most).toBe(1);
      else expect(most).toBeLessThanOrEqual(2 * bad * (Math.ceil(Math.log2(rows)) - Math.floor(Math.log2(bad)) + 1) - 1);
    }));
  });
});
