import { randomBytes } from 'node:crypto';
import type { Action, ConsentCode } from '../../src/destinations/index.js';
import {
  acquireLease, chooseRejections, claimable, claimBatch, createPool, ensureSync, migrate, openRun, queueRejections, stagePage,
  type ClaimedBatch, type Lease, type Pool, type RunKind, type StagePage, type StageResult, type StageRow, type SyncIds,
} from '../../src/ledger/index.js';
import { createDatabase } from '../support/runtime.js';

/** A ledger of its own with one account, one destination and two syncs, `a` and `b`. */
export interface TestLedger {
  readonly url: string;
  readonly pool: Pool;
  readonly a: SyncIds;
  readonly b: SyncIds;
  close(): Promise<void>;
}

export const SYNCS = ['a', 'b'];

export async function createTestLedger(connections = 8): Promise<TestLedger> {
  const database = await createDatabase();
  await migrate(database.url);
  const pool = createPool(database.url, connections);
  const ids = (sync: string) =>
    ensureSync(pool, { sync, source: 'crm', destination: 'newsletter', account: 'acme', configHash: 'x', configured: SYNCS });
  const a = await ids('a');
  const b = await ids('b');
  return {
    url: database.url, pool, a, b,
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

/** A run that takes pages one after another. */
export interface TestRun {
  readonly id: string;
  readonly no: number;
  readonly ids: SyncIds;
  /** Position of its next page. */
  pages: number;
}

export async function startRun(pool: Pool, ids: SyncIds, kind: RunKind = 'incremental'): Promise<TestRun> {
  const id = randomBytes(8).toString('hex');
  const opened = await openRun(pool, { id, ids, options: { kind }, workflowId: `sync/${id}`, config: {}, configHash: 'm' });
  const { rows } = await pool.query<{ no: number }>('SELECT no FROM run WHERE id = $1', [opened.id]);
  return { id: opened.id, no: rows[0]!.no, ids, pages: 0 };
}

/** Opens a retry of every rejection that can be sent again, and queues them. */
export async function retryAll(pool: Pool, ids: SyncIds, holds = false): Promise<{ readonly run: TestRun; readonly queued: number }> {
  const run = await startRun(pool, ids, 'retry');
  await chooseRejections(pool, run.id, { reason: null, keys: null, holds });
  return { run, queued: await queueRejections(pool, run.no, holds) };
}

export interface Wish {
  readonly key: string;
  /** Whole seconds after 2025-01-01; null: no time. */
  readonly at: number | null;
  readonly value: string;
  readonly consent?: ConsentCode;
  readonly action?: Action;
  readonly onlyIfKnown?: string;
}

const START = Date.UTC(2025, 0, 1);
export const timeOf = (seconds: number): string => new Date(START + seconds * 1000).toISOString().replace('Z', '000Z');

export const row = (wish: Wish): StageRow => ({
  key: wish.key, version: wish.at === null ? null : timeOf(wish.at), action: wish.action ?? 0, fields: JSON.stringify({ value: wish.value }),
  emailConsent: wish.consent ?? 2, smsConsent: 3, locale: null, ...(wish.onlyIfKnown === undefined ? {} : { onlyIfKnown: wish.onlyIfKnown }),
});

export function stage(pool: Pool, run: TestRun, wishes: readonly Wish[], more: Partial<StagePage> = {}): Promise<StageResult> {
  run.pages += 1;
  const invalid = more.invalid ?? [];
  return stagePage(pool, {
    runNo: run.no, syncId: run.ids.syncId, destinationId: run.ids.destinationId, pageNo: run.pages, position: run.pages, priority: 1, resend: false,
    extracted: wishes.length + invalid.length, filtered: 0, superseded: 0, rows: wishes.map(row), invalid, warnings: {}, maxTime: null, ...more,
  });
}

/** Takes the lease, whoever holds it, for longer than any test: nobody renews it here. */
export async function takeLease(pool: Pool, accountId: number, owner = 'test'): Promise<Lease> {
  await pool.query(`UPDATE account SET lease_until = '-infinity' WHERE id = $1`, [accountId]);
  const taken = await acquireLease(pool, accountId, owner);
  if (!('lease' in taken)) throw new Error('the lease was not free');
  await pool.query(`UPDATE account SET lease_until = clock_timestamp() + interval '10 minutes' WHERE id = $1`, [accountId]);
  return taken.lease;
}

/** Claims from the loose rows. */
export async function claimLoose(pool: Pool, lease: Lease, destinationId: number, size = 1000, share = false): Promise<ClaimedBatch | undefined> {
  const { rows } = await pool.query<{ id: number }>(`SELECT id FROM kind WHERE destination_id = $1 AND action = 0 AND form = 0 AND shape = ''`, [destinationId]);
  const kind = rows[0]?.id;
  return kind === undefined ? undefined : claimBatch(pool, lease, { destinationId, action: 0, kind, form: { consent: true, renames: false }, bundle: null }, size, { share });
}

/** Claims whatever is ready, bundles first, and hands over each batch. */
export async function claimAny(pool: Pool, lease: Lease, size = 1000): Promise<ClaimedBatch | undefined> {
  const groups = [...await claimable(pool, lease.accountId, 1000)].sort((a, b) => (b.bundle ?? 0) - (a.bundle ?? 0));
  for (const group of groups) {
    const batch = await claimBatch(pool, lease, group, size);
    if (batch) return batch;
  }
  return undefined;
}

export const ANSWERED = { outcome: 'answered', httpStatus: 200, message: null };
export const REFUSED = { outcome: 'refused', httpStatus: 400, message: 'invalid email' };
export const valueOf = (fields: string): string => (JSON.parse(fields) as { value: string }).value;

/** Empties the ledger but for its syncs; every run is over. */
export async function clear(pool: Pool): Promise<void> {
  for (const table of ['outbox', 'batch_run', 'batch_row', 'batch', 'contact', 'rejection', 'overtaken', 'page', 'bundle', 'pace_slot', 'pace', 'row_note', 'identity', 'suppression', 'tombstone', 'opt_out_effect', 'webhook_delivery', 'met', 'departed']) {
    await pool.query(`DELETE FROM ${table}`);
  }
  await pool.query('UPDATE run SET extracting = false, ended_at = COALESCE(ended_at, now())');
  await pool.query(`UPDATE account SET paused = false, blocked = false, quota = false, state = 'idle', reason = NULL, not_before = '-infinity', failures = 0`);
  await pool.query(`UPDATE destination SET witness_at = '-infinity'`);
}
