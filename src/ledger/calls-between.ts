import type { Queryable } from './database.js';

/** A bulk call of an account, in numbers. */
export interface CallFacts {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** null: it is not answered. */
  readonly durationMs: number | null;
  readonly rows: number;
  /** How it ended; null: not yet. As the connector says it (`answered`, `throttled`, …). */
  readonly outcome: string | null;
  readonly status: string;
  /** What it did for the run asked for; null: it held no row of it. */
  readonly ofRun: { readonly rows: number; readonly delivered: number; readonly rejected: number } | null;
}

/** The bulk calls an account made between two times (ISO 8601), of all its runs, oldest first; at most `limit`, the newest. */
export async function callsBetween(db: Queryable, accountId: number, runNo: number, between: { readonly from: string; readonly to: string }, limit: number): Promise<readonly CallFacts[]> {
  const { rows } = await db.query<CallFacts>(
    `SELECT (EXTRACT(EPOCH FROM b.started_at) * 1000)::float8 AS "startedAt",
       CASE WHEN b.answered_at IS NOT NULL THEN GREATEST(EXTRACT(EPOCH FROM b.answered_at - b.started_at) * 1000, 0)::float8 END AS "durationMs", b.rows, b.outcome, b.status,
       CASE WHEN br.run_no IS NOT NULL THEN json_build_object('rows', br.rows, 'delivered', br.delivered, 'rejected', br.rejected) END AS "ofRun"
     FROM batch b LEFT JOIN batch_run br ON br.batch_id = b.id AND br.run_no = $2
     WHERE b.account_id = $1 AND b.started_at >= $3::timestamptz AND b.started_at <= $4::timestamptz ORDER BY b.started_at DESC, b.id DESC LIMIT $5`,
    [accountId, runNo, between.from, between.to, limit],
  );
  return rows.reverse();
}
