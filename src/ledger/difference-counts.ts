import type { Queryable } from './database.js';
import type { Difference } from './documents.js';

/** Contacts that differ alike. */
export interface DifferenceCount {
  readonly kind: Difference['kind'];
  /** In words; what a platform said of a rejected row is not repeated. */
  readonly why: string;
  readonly count: number;
}

/** What a verification found to differ, by kind and reason, the most frequent first: numbers, and no contact. */
export async function differenceCounts(db: Queryable, verification: string): Promise<readonly DifferenceCount[]> {
  const { rows } = await db.query<DifferenceCount>(
    `SELECT kind, CASE WHEN document ->> 'why' LIKE 'rejected: %' THEN 'rejected by the platform' ELSE COALESCE(document ->> 'why', '') END AS why, count(*) AS count
     FROM difference WHERE verification = $1 GROUP BY 1, 2 ORDER BY count(*) DESC, kind, why LIMIT 100`,
    [verification],
  );
  return rows;
}
