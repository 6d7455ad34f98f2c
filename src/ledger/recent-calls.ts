import type { Queryable } from './database.js';
import type { RecentCall } from './documents.js';

/** The last calls of an account, oldest first: counts only. */
export async function recentCalls(db: Queryable, account: string, limit: number): Promise<readonly RecentCall[]> {
  const { rows } = await db.query<RecentCall>(
    `SELECT * FROM (
       SELECT b.id AS batch, d.name AS destination, b.rows, b.status, b.http_status AS "httpStatus",
         (SELECT COALESCE(sum(br.delivered), 0)::int FROM batch_run br WHERE br.batch_id = b.id) AS delivered,
         (SELECT COALESCE(sum(br.rejected), 0)::int FROM batch_run br WHERE br.batch_id = b.id) AS rejected,
         GREATEST(round(EXTRACT(EPOCH FROM b.answered_at - b.started_at) * 1000), 0)::int AS "durationMs"
       FROM batch b JOIN destination d ON d.id = b.destination_id
       -- An account that has been idle for long shows none, instead of a search through everybody's calls.
       WHERE b.account_id = (SELECT id FROM account WHERE name = $1) AND b.id > (SELECT max(id) FROM batch) - 10000 ORDER BY b.id DESC LIMIT $2
     ) x ORDER BY batch`,
    [account, limit],
  );
  return rows;
}
