import { booksOf } from './books.js';
import type { Queryable } from './database.js';
import type { RunKind } from './documents.js';
import { isoTime } from './reports.js';
import { heldWords, unreadSyncs } from './restored.js';

/** An account that does not send, other than for its pace. */
export interface HaltedLane {
  readonly account: string;
  readonly state: 'blocked' | 'paused';
  readonly reason: string;
  readonly until: string | null;
  /** What ends it; null: nothing need be done. A restored ledger's hold is not ended by resuming the lane. */
  readonly command: string | null;
}

export async function haltedLanes(db: Queryable): Promise<readonly HaltedLane[]> {
  const { rows } = await db.query<HaltedLane & { readonly id: number; readonly restored: boolean }>(
    `SELECT id, name AS account, CASE WHEN blocked THEN 'blocked' ELSE 'paused' END AS state, COALESCE(reason, 'no reason was given') AS reason, ${isoTime('until')} AS until,
       CASE WHEN blocked OR until IS NULL THEN 'syncline lane resume ' || name END AS command, NOT (blocked OR paused OR quota) AS restored
     FROM account WHERE blocked OR paused OR quota OR restored_at IS NOT NULL ORDER BY name`,
  );
  return Promise.all(rows.map(async ({ id, restored, ...lane }) => {
    if (!restored) return lane;
    // What it shows may be of an opt-out that goes meanwhile.
    const { reason, hint } = heldWords(await unreadSyncs(db, id));
    return { ...lane, reason, until: null, command: hint };
  }));
}

/** How the last run of a sync ended, that of its backfills and retries apart; cancelled ones say nothing. */
export interface LastEnded {
  readonly sync: string;
  readonly run: string;
  readonly kind: RunKind;
  readonly failed: boolean;
  /** It would have opted in or changed more than it may. */
  readonly held: boolean;
  readonly error: string | null;
  readonly extracted: number;
  /** Invalid and rejected rows. */
  readonly refused: number;
}

export async function lastEnded(db: Queryable, syncs: readonly string[]): Promise<readonly LastEnded[]> {
  const { rows } = await db.query<Omit<LastEnded, 'extracted' | 'refused'> & { readonly no: number }>(
    `SELECT s.name AS sync, r.no, r.id AS run, r.kind, r.status = 'failed' AS failed, r.guard_over AS held, r.error
     FROM sync s CROSS JOIN (VALUES ('run'), ('backfill'), ('retry')) slot (name)
     CROSS JOIN LATERAL (
       -- Each retry has a slot of its own: retry/ID.
       SELECT * FROM run r WHERE r.sync_id = s.id AND split_part(r.slot, '/', 1) = slot.name AND r.ended_at IS NOT NULL AND r.status <> 'cancelled' AND r.kind NOT IN ('optOut', 'erase')
       ORDER BY r.no DESC LIMIT 1) r
     WHERE s.name = ANY($1) ORDER BY s.name, r.no`,
    [syncs],
  );
  const books = await booksOf(db, rows.map(({ no }) => no));
  return rows.map(({ no, ...row }) => {
    const counts = books.get(no);
    return { ...row, extracted: counts?.extracted ?? 0, refused: (counts?.invalid ?? 0) + (counts?.rejected ?? 0) };
  });
}

/** Syncs whose last verification failed, and what it found. */
export async function failedGates(db: Queryable, syncs: readonly string[]): Promise<readonly { readonly sync: string; readonly at: string; readonly differing: number }[]> {
  const { rows } = await db.query<{ sync: string; at: string; differing: number }>(
    `SELECT s.name AS sync, ${isoTime('v.at')} AS at,
       COALESCE((SELECT sum((l ->> 'missing')::bigint + (l ->> 'unexpected')::bigint) FROM jsonb_array_elements(v.document -> 'locales') l), 0)::bigint AS differing
     FROM sync s CROSS JOIN LATERAL (SELECT * FROM verification v WHERE v.sync_id = s.id ORDER BY v.id DESC LIMIT 1) v
     WHERE s.name = ANY($1) AND v.verdict = 'fail' ORDER BY s.name`,
    [syncs],
  );
  return rows;
}

/** Destinations where an opt-out or an erasure has waited for longer than so many milliseconds, and for how long. */
export async function lateOptOuts(db: Queryable, olderMs: number): Promise<readonly { readonly destination: string; readonly seconds: number }[]> {
  const { rows } = await db.query<{ destination: string; seconds: number }>(
    // By each kind's own index: never the whole queue.
    `SELECT d.name AS destination, floor(EXTRACT(EPOCH FROM clock_timestamp() - min(o.staged_at)))::float8 AS seconds
     FROM destination d JOIN kind k ON k.destination_id = d.id
     CROSS JOIN LATERAL (SELECT o.staged_at FROM outbox o WHERE o.kind = k.id AND o.priority = 0 AND o.bundle IS NULL ORDER BY o.seq LIMIT 1) o
     GROUP BY d.name HAVING min(o.staged_at) < clock_timestamp() - make_interval(secs => $1::float8 / 1000) ORDER BY d.name`,
    [olderMs],
  );
  return rows;
}

/** When the last run of a sync that did not fail began, in milliseconds before now; null: there was none. */
export async function sinceLastSuccess(db: Queryable, sync: string): Promise<number | null> {
  const { rows } = await db.query<{ ms: number | null }>(
    `SELECT (EXTRACT(EPOCH FROM clock_timestamp() - max(r.started_at)) * 1000)::float8 AS ms FROM run r JOIN sync s ON s.id = r.sync_id
     WHERE s.name = $1 AND r.kind IN ('incremental', 'full') AND r.status IN ('completed', 'completed_with_rejects', 'delivering')`,
    [sync],
  );
  return rows[0]?.ms ?? null;
}
