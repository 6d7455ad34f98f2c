import type { Queryable } from './database.js';
import type { LaneState, RunStatus, VerificationDocument } from './documents.js';

/** Open failures of a sync that are counted, at most. */
const MOST_FAILURES = 100_000;

/** How a sync stands, in what a few probes of an index tell. */
export interface SyncGauge {
  readonly sync: string;
  /** Seconds since the last reading that came to its end began: what changed before that is known; null: none has. */
  readonly lag: number | null;
  readonly status: RunStatus | null;
  /** Seconds since 1970. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly verification: VerificationDocument | null;
  /** Seconds since 1970. */
  readonly verifiedAt: number | null;
}

export async function syncGauges(db: Queryable): Promise<readonly SyncGauge[]> {
  const { rows } = await db.query<SyncGauge>(
    `SELECT s.name AS sync, EXTRACT(EPOCH FROM clock_timestamp() - q.started_at)::float8 AS lag, l.status,
       EXTRACT(EPOCH FROM l.started_at)::float8 AS "startedAt", EXTRACT(EPOCH FROM l.ended_at)::float8 AS "endedAt",
       v.document AS verification, EXTRACT(EPOCH FROM v.at)::float8 AS "verifiedAt"
     FROM sync s
     LEFT JOIN LATERAL (SELECT r.started_at FROM run r WHERE r.sync_id = s.id AND r.kind IN ('incremental', 'full') AND r.extracted_at IS NOT NULL AND r.status <> 'failed'
       ORDER BY r.no DESC LIMIT 1) q ON true
     LEFT JOIN LATERAL (SELECT r.status, r.started_at, r.ended_at FROM run r WHERE r.sync_id = s.id AND r.kind NOT IN ('optOut', 'erase') ORDER BY r.no DESC LIMIT 1) l ON true
     LEFT JOIN LATERAL (SELECT w.document, w.at FROM verification w WHERE w.sync_id = s.id ORDER BY w.id DESC LIMIT 1) v ON true
     WHERE NOT s.retired`);
  return rows;
}

/** How each account's lane stands, and the destinations that belong to it. */
export interface LaneGauge {
  readonly account: string;
  readonly state: LaneState;
  readonly destinations: readonly string[];
}

export async function laneGauges(db: Queryable): Promise<readonly LaneGauge[]> {
  const { rows } = await db.query<LaneGauge>(
    `SELECT a.name AS account, a.state, json_agg(d.name ORDER BY d.name) AS destinations FROM account a JOIN destination d ON d.account_id = a.id GROUP BY a.id ORDER BY 1`);
  return rows;
}

export interface FailureGauge {
  readonly sync: string;
  readonly code: string;
  readonly count: number;
}

/** Rows that were not delivered and stand open, by code; of more than a hundred thousand a sync, as many are told. */
export async function failureGauges(db: Queryable): Promise<readonly FailureGauge[]> {
  const { rows } = await db.query<FailureGauge>(
    `SELECT s.name AS sync, x.code, count(*) FROM sync s
     CROSS JOIN LATERAL (SELECT code FROM rejection WHERE sync_id = s.id AND resolved_at IS NULL LIMIT $1) x
     WHERE NOT s.retired GROUP BY 1, 2 ORDER BY 3 DESC`, [MOST_FAILURES]);
  return rows;
}

/** Bytes of the ledger's tables and indexes on disk. */
export async function ledgerBytes(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(
    `SELECT COALESCE(sum(pg_total_relation_size(oid)), 0)::bigint AS bytes FROM pg_class WHERE relnamespace = 'syncline'::regnamespace AND relkind IN ('r', 'p')`);
  return rows[0]?.bytes ?? 0;
}
