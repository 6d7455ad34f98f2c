import type { Queryable } from './database.js';

/** Rows of a run that were not delivered, for one reason. */
export interface FailureCount {
  readonly code: string;
  /** In our own words, for rows that were invalid as read; null: the platform's words are not repeated. */
  readonly reason: string | null;
  readonly count: number;
}

/** What became of the rows of a run that did not make it, by code, the most frequent first: numbers, and no contact. */
export async function failureCounts(db: Queryable, runNo: number): Promise<readonly FailureCount[]> {
  const { rows } = await db.query<FailureCount>(
    `SELECT code, CASE WHEN code = 'invalid' THEN reason END AS reason, count(*) AS count FROM rejection WHERE run_no = $1
     GROUP BY 1, 2 ORDER BY count(*) DESC, code, reason LIMIT 100`,
    [runNo],
  );
  return rows;
}
