import type { Queryable } from './database.js';
import type { FailureDocument } from './documents.js';
import { isoTime } from './reports.js';

const COLUMNS = `x.key, x.place, x.reason, x.code, r.id AS run, ${isoTime('x.since')} AS since, x.attempts`;

/** Whether a rejection has this code, or its words contain it; null: any. @param reason the parameter's place */
export const hasReason = (reason: `$${number}`): string => `(${reason}::text IS NULL OR x.code = ${reason} OR position(lower(${reason}) IN lower(x.reason)) > 0)`;

/** Open rejections of a sync, invalid rows among them, oldest first. @param reason only those with this code, or whose words contain it */
export async function listFailures(db: Queryable, sync: string, limit: number, reason: string | null = null): Promise<{ readonly failures: readonly FailureDocument[]; readonly total: number }> {
  const { rows } = await db.query<FailureDocument>(
    `SELECT ${COLUMNS} FROM rejection x JOIN run r ON r.no = x.run_no JOIN sync s ON s.id = x.sync_id
     WHERE s.name = $1 AND x.resolved_at IS NULL AND ${hasReason('$3')} ORDER BY x.since, x.id LIMIT $2`,
    [sync, limit, reason],
  );
  const total = await db.query<{ total: number }>(
    `SELECT count(*) AS total FROM rejection x JOIN sync s ON s.id = x.sync_id WHERE s.name = $1 AND x.resolved_at IS NULL AND ${hasReason('$2')}`,
    [sync, reason],
  );
  return { failures: rows, total: total.rows[0]?.total ?? 0 };
}

/**
 * The open rejections of a sync after one, in the order they were noted: for reading all of them in flat memory.
 * @param after the last `id` of the page before; 0: from the start
 */
export async function failuresAfter(db: Queryable, sync: string, after: number, limit: number, reason: string | null = null): Promise<readonly (FailureDocument & { readonly id: number })[]> {
  const { rows } = await db.query<FailureDocument & { id: number }>(
    `SELECT x.id, ${COLUMNS} FROM rejection x JOIN run r ON r.no = x.run_no JOIN sync s ON s.id = x.sync_id
     WHERE s.name = $1 AND x.resolved_at IS NULL AND x.id > $2 AND ${hasReason('$4')} ORDER BY x.id LIMIT $3`,
    [sync, after, limit, reason],
  );
  return rows;
}
