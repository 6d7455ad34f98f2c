import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConsentCode } from '../../src/destinations/index.js';
import {
  adoptOrphans, audit, dueUnknown, endExtraction, FenceLost, holdUnknown, returnRows, settleAnswered,
  type ClaimedBatch, type Lease, type ReturnPlan, type SyncIds,
} from '../../src/ledger/index.js';
import { Model } from './model.js';
import { ANSWERED, claimAny, clear, createTestLedger, REFUSED, retryAll, stage, startRun, takeLease, timeOf, valueOf, type TestLedger, type TestRun } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());

const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5'];
const UNKNOWN = { outcome: 'unknown', httpStatus: null, message: null };

const mask = fc.nat({ max: 31 });
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), keys: mask, value: fc.constantFrom('A', 'B', 'C'), consent: fc.constantFrom<ConsentCode>(0, 1, 2, 2) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('stage' as const), keys: mask, run: fc.constantFrom('read', 'read', 'backfill', 'other'), stale: fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 5, maxLength: 5 }), resend: fc.constantFrom(false, false, false, false, true) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), size: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('settle' as const), pick: fc.nat(), failed: fc.oneof(fc.constant(0), mask) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('return' as const), pick: fc.nat(), at: fc.nat({ max: 3 }), loose: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unknown' as const), pick: fc.nat(), applied: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('due' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retry' as const), other: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), applied: fc.boolean() }) },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

interface State { readonly value: string; readonly consent: ConsentCode; readonly version: number }
type Open = ClaimedBatch & { readonly keys: readonly string[] };

/** The real ledger beside the model, command by command. */
class Trial {
  readonly model = new Model();
  private clock = 0;
  private readonly crm = new Map<string, State[]>(KEYS.map((key) => [key, [{ value: 'A', consent: 2, version: 0 }]]));
  /** Calls that are under way, and those nobody knows the outcome of. */
  private open: Open[] = [];
  private unknown: Open[] = [];
  private constructor(private lease: Lease, private readonly runs: Record<'read' | 'backfill' | 'other', TestRun>) {}

  static async begin(): Promise<Trial> {
    await clear(ledger.pool);
    const lease = await takeLease(ledger.pool, ledger.a.accountId);
    const { pool, a, b } = ledger;
    return new Trial(lease, { read: await startRun(pool, a), backfill: await startRun(pool, a, 'backfill'), other: await startRun(pool, b) });
  }

  private chosen = (keys: number): string[] => KEYS.filter((_, index) => keys & (1 << index));

  async run(next: Command): Promise<void> {
    const { pool } = ledger;
    switch (next.do) {
      case 'change':
        this.clock += 1;
        for (const key of this.chosen(next.keys)) this.crm.get(key)!.push({ value: next.value, consent: next.consent, version: this.clock });
        return;
      case 'stage': {
        const rows = this.chosen(next.keys).map((key) => {
          const history = this.crm.get(key)!;
          return { key, ...history[Math.max(0, history.length - 1 - next.stale[KEYS.indexOf(key)]!)]! };
        });
        await this.stage(this.runs[next.run as 'read'], next.run === 'backfill' ? 3 : 1, next.resend, rows);
        return;
      }
      case 'claim':
        await this.claim(next.size);
        return;
      case 'settle': {
        const batch = this.take(next.pick);
        if (batch) await this.settle(batch, new Set(this.chosen(next.failed)));
        return;
      }
      case 'return': {
        const batch = this.take(next.pick);
        if (!batch) return;
        const bundle = next.loose ? null : { tries: 0, suspect: false, delayMs: 0 };
        const at = next.at % batch.rows.length;
        const parts = [{ fromOrd: 0, bundle }, ...(at > 0 ? [{ fromOrd: at, bundle }] : [])];
        await this.giveBack(batch, { status: 'split', parts, spendsAttempt: true, keepRootOf: batch.bundle });
        return;
      }
      case 'unknown': {
        const batch = this.take(next.pick);
        if (!batch) return;
        if (next.applied) this.model.apply(batch.id, batch.keys);
        await holdUnknown(pool, this.lease, batch.id, 0, UNKNOWN);
        this.unknown.push(batch);
        return;
      }
      case 'due':
        await this.settleUnknown();
        return;
      case 'retry': {
        const ids: SyncIds = next.other ? ledger.b : ledger.a;
        const { run } = await retryAll(pool, ids);
        this.model.retry(run.no, ids.syncId);
        return;
      }
      case 'kill': {
        const old = this.lease;
        this.lease = await takeLease(pool, ledger.a.accountId, `driver ${Math.random()}`);
        await adoptOrphans(pool, this.lease, 0);
        for (const batch of this.open) {
          if (next.applied) this.model.apply(batch.id, batch.keys);
          await expect(settleAnswered(pool, old, batch.id, { failed: [] }, ANSWERED)).rejects.toThrow(FenceLost);
        }
        this.unknown.push(...this.open);
        this.open = [];
      }
    }
  }

  private take(pick: number): Open | undefined {
    return this.open.length === 0 ? undefined : this.open.splice(pick % this.open.length, 1)[0];
  }

  private async stage(run: TestRun, priority: number, resend: boolean, rows: readonly (State & { key: string })[]): Promise<void> {
    this.model.stage(run.no, run.ids.syncId, priority, resend, rows);
    await stage(ledger.pool, run, rows.map(({ key, value, consent, version }) => ({ key, at: version, value, consent })), { priority, resend });
  }

  private async claim(size: number): Promise<boolean> {
    const batch = await claimAny(ledger.pool, this.lease, size);
    if (!batch) {
      expect([...this.model.waiting.keys()].filter((key) => this.model.mayLeave(key))).toEqual([]);
      return false;
    }
    const keys = batch.rows.map((row) => row.key);
    for (const row of batch.rows) {
      expect(this.model.mayLeave(row.key), 'two versions of a contact in flight').toBe(true);
      expect({ value: valueOf(row.fields), consent: row.emailConsent }, 'the newest wish is sent').toEqual({ value: this.model.waiting.get(row.key)?.value, consent: this.model.waiting.get(row.key)?.consent });
      expect(this.model.waiting.get(row.key)!.version).toBeGreaterThanOrEqual(this.model.platform.get(row.key)?.version ?? 0);
    }
    this.model.claim(batch.id, keys);
    this.open.push({ ...batch, keys });
    return true;
  }

  private async settle(batch: Open, failed: ReadonlySet<string>): Promise<void> {
    this.model.apply(batch.id, batch.keys.filter((key) => !failed.has(key)));
    this.model.settle(batch.id, batch.keys, failed);
    const refused = batch.rows.filter((row) => failed.has(row.key)).map((row) => ({ ord: row.ord, code: 'bad', reason: 'refused' }));
    await settleAnswered(ledger.pool, this.lease, batch.id, { failed: refused }, ANSWERED);
  }

  private async giveBack(batch: Open, plan: ReturnPlan): Promise<void> {
    this.model.giveBack(batch.id, batch.keys, plan.status === 'settled');
    await returnRows(ledger.pool, this.lease, batch.id, plan, REFUSED);
  }

  private async settleUnknown(): Promise<void> {
    expect((await dueUnknown(ledger.pool, ledger.a.accountId)).map(({ id }) => id)).toEqual(this.unknown.map((batch) => batch.id).sort((a, b) => a - b));
    for (const batch of this.unknown.splice(0)) {
      await this.giveBack(batch, { status: 'settled', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null });
    }
  }

  /** Ledger and model hold the same rows and the same books, and the books balance. */
  async compare(): Promise<void> {
    const { pool } = ledger;
    const rows = async (from: string, priority: string): Promise<unknown[]> => (await pool.query(
      `SELECT key, email AS consent, version = $1::timestamptz + x.n * interval '1 second' AS same, x.n AS version, sync_id AS sync, fp, ${priority} AS priority
       FROM ${from}, LATERAL (SELECT EXTRACT(EPOCH FROM version - $1::timestamptz)::int AS n) x `, [timeOf(0)])).rows.map((row: Record<string, unknown>) => `${String(row['key'])} ${String(row['consent'])} ${String(row['version'])} ${String(row['sync'])} ${String(row['priority'])}`).sort();
    const of = (rows: ReadonlyMap<string, { consent: number; version: number; sync: number; priority: number }>, priority = true): string[] =>
      [...rows].map(([key, row]) => `${key} ${row.consent} ${row.version} ${row.sync} ${priority ? row.priority : 0}`).sort();
    expect(await rows('outbox', 'priority')).toEqual(of(this.model.waiting));
    expect(await rows(`(SELECT br.* FROM batch_row br JOIN batch b ON b.id = br.batch_id WHERE br.outcome IS NULL AND b.status IN ('sending', 'unknown')) f`, 'priority')).toEqual([...of(this.model.flying), ...of(this.model.crossing)].sort());
    expect(await rows('contact', '0')).toEqual(of(this.model.delivered, false));
    const document = await audit(pool, null);
    expect(document.runs.flatMap((run) => run.faults)).toEqual([]);
    const nos = new Map((await pool.query<{ no: number; id: string }>('SELECT no, id FROM run')).rows.map((row) => [row.id, row.no]));
    for (const run of document.runs) {
      const book = this.model.books.get(nos.get(run.run)!);
      if (book) expect(run.counts).toMatchObject(book);
    }
  }

  /** Everything is read once more and delivered: the platform holds what the CRM holds. */
  async drain(): Promise<void> {
    await this.settleUnknown();
    await this.stage(this.runs.read, 1, false, KEYS.map((key) => ({ key, ...this.crm.get(key)!.at(-1)! })));
    for (;;) {
      while (this.open.length > 0) await this.settle(this.open.pop()!, new Set());
      if (!(await this.claim(3))) break;
    }
    await this.compare();
    expect(this.model.waiting.size + this.model.flying.size + this.model.crossing.size).toBe(0);
    for (const key of KEYS) {
      if (this.model.rejected.has(`${ledger.a.syncId} ${key}`)) continue;
      const { value, consent } = this.model.platform.get(key)!;
      expect({ key, value, consent }).toMatchObject({ key, ...(({ value: v, consent: c }) => ({ value: v, consent: c }))(this.crm.get(key)!.at(-1)!) });
    }
    for (const run of Object.values(this.runs)) await endExtraction(ledger.pool, run.no, null, null);
  }
}

it('staging, claiming, settling, giving back, retries and takeovers keep to the model, whatever their order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 45 }), async (commands) => {
      const trial = await Trial.begin();
      for (const next of commands) {
        await trial.run(next);
        await trial.compare();
      }
      await trial.drain();
    }),
    { numRuns: Number(process.env['MODEL_RUNS'] ?? 10), endOnFailure: process.env['MODEL_SHRINK'] === undefined },
  );
}, 300_000);
