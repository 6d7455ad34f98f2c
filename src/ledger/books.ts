import type { Pool, Queryable } from './database.js';
import type { AuditDocument, Counts } from './documents.js';

/** What pages add up to: the left side. */
type PageSums = Omit<Counts, 'delivered' | 'rejected' | 'overtaken' | 'waiting' | 'inFlight'>;

/**
 * The books of runs from what is kept as they grow: a handful of rows a run, however many contacts it has.
 * `waiting` is what is queued and nowhere else; `audit` counts it for itself.
 */
export async function booksOf(db: Queryable, runNos: readonly number[]): Promise<ReadonlyMap<number, Counts>> {
  const { rows } = await db.query<PageSums & { no: number; delivered: number; rejected: number; overtaken: number; inFlight: number; final: Counts | null }>({
    name: 'books',
    text: `
    SELECT r.no,
      p.extracted, p.invalid, p.filtered, p.unchanged, p.still AS "stillRejected", p.superseded, p.suppressed, p.queued,
      b.delivered, b.in_flight AS "inFlight", b.rejected + x.owned AS rejected, o.overtaken, f.final -> 'counts' AS final
    FROM unnest($1::int[]) AS r (no) LEFT JOIN run f ON f.no = r.no
    CROSS JOIN LATERAL (
      SELECT COALESCE(sum(extracted), 0)::bigint AS extracted, COALESCE(sum(invalid), 0)::bigint AS invalid,
        COALESCE(sum(filtered), 0)::bigint AS filtered, COALESCE(sum(unchanged), 0)::bigint AS unchanged,
        COALESCE(sum(still_rejected), 0)::bigint AS still, COALESCE(sum(superseded), 0)::bigint AS superseded,
        COALESCE(sum(suppressed), 0)::bigint AS suppressed, COALESCE(sum(queued), 0)::bigint AS queued
      FROM page WHERE run_no = r.no
    ) p
    CROSS JOIN LATERAL (
      SELECT COALESCE(sum(br.delivered), 0)::bigint AS delivered, COALESCE(sum(br.rejected), 0)::bigint AS rejected,
        COALESCE(sum(br.rows - br.delivered - br.rejected - br.returned) FILTER (WHERE ba.status IN ('sending', 'accepted', 'unknown')), 0)::bigint AS in_flight
      FROM batch_run br JOIN batch ba ON ba.id = br.batch_id WHERE br.run_no = r.no
    ) b
    CROSS JOIN LATERAL (SELECT count(*) AS owned FROM rejection WHERE run_no = r.no AND code IN ('owned', 'duplicate', 'held')) x
    CROSS JOIN LATERAL (SELECT count(*) AS overtaken FROM overtaken WHERE run_no = r.no) o`,
    values: [runNos],
  });
  return new Map(
    rows.map(({ no, final, ...row }) => [no, final ?? { ...row, waiting: row.queued - row.delivered - row.rejected - row.overtaken - row.inFlight }]),
  );
}

/**
 * Counts every row of every run (or of one) where it lies and holds both sums of promise 1 against it.
 * Reads whole tables: seconds for millions of rows. Everything is read as of one moment, so it holds while rows move.
 */
export async function audit(pool: Pool, runId: string | null): Promise<AuditDocument> {
  const connection = await pool.connect();
  try {
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const document = await auditAsOfNow(connection, runId);
    await connection.query('COMMIT');
    connection.release();
    return document;
  } catch (error) {
    connection.release(true);
    throw error;
  }
}

async function auditAsOfNow(db: Queryable, runId: string | null): Promise<AuditDocument> {
  const { rows: runs } = await db.query<{ no: number; run: string; sync: string; pruned: boolean }>(
    `SELECT r.no, r.id AS run, s.name AS sync, r.final IS NOT NULL AS pruned FROM run r JOIN sync s ON s.id = r.sync_id WHERE $1::text IS NULL OR r.id = $1 ORDER BY r.no`,
    [runId],
  );
  const kept = await booksOf(db, runs.map((run) => run.no));
  const counted = await countRows(db, runId === null ? null : (runs[0]?.no ?? -1));
  const documents = runs.map((run) => {
    const books = kept.get(run.no) as Counts;
    const rows = counted.get(run.no) ?? NOTHING;
    // Without its details only its sums can be held against each other.
    const counts: Counts = run.pruned ? books : { ...books, ...rows, invalid: rows.invalid };
    const faults = faultsOf(counts, books);
    return { run: run.run, sync: run.sync, counts, pruned: run.pruned, balanced: faults.length === 0, faults };
  });
  return { balanced: documents.every((run) => run.balanced), runs: documents };
}

type Counted = Pick<Counts, 'invalid' | 'delivered' | 'rejected' | 'overtaken' | 'waiting' | 'inFlight'>;
const NOTHING: Counted = { invalid: 0, delivered: 0, rejected: 0, overtaken: 0, waiting: 0, inFlight: 0 };

async function countRows(db: Queryable, runNo: number | null): Promise<ReadonlyMap<number, Counted>> {
  const { rows } = await db.query<Counted & { no: number }>(
    `WITH sent AS (
       SELECT br.run_no AS no,
         count(*) FILTER (WHERE br.outcome = 1 OR (br.outcome IS NULL AND b.status = 'settled')) AS delivered,
         count(*) FILTER (WHERE br.outcome IS NULL AND b.status IN ('sending', 'accepted', 'unknown')) AS in_flight
       FROM batch_row br JOIN batch b ON b.id = br.batch_id WHERE $1::int IS NULL OR br.run_no = $1 GROUP BY br.run_no
     ), refused AS (
       SELECT run_no AS no, count(*) FILTER (WHERE code = 'invalid') AS invalid, count(*) FILTER (WHERE code <> 'invalid') AS rejected
       FROM rejection WHERE $1::int IS NULL OR run_no = $1 GROUP BY run_no
     ), late AS (
       SELECT run_no AS no, count(*) AS overtaken FROM overtaken WHERE $1::int IS NULL OR run_no = $1 GROUP BY run_no
     ), waits AS (
       SELECT run_no AS no, count(*) AS waiting FROM outbox WHERE $1::int IS NULL OR run_no = $1 GROUP BY run_no
     )
     SELECT no, COALESCE(invalid, 0) AS invalid, COALESCE(delivered, 0) AS delivered, COALESCE(rejected, 0) AS rejected,
       COALESCE(overtaken, 0) AS overtaken, COALESCE(waiting, 0) AS waiting, COALESCE(in_flight, 0) AS "inFlight"
     FROM sent FULL JOIN refused USING (no) FULL JOIN late USING (no) FULL JOIN waits USING (no)`,
    [runNo],
  );
  return new Map(rows.map(({ no, ...row }) => [no, row]));
}

/** Both sums of promise 1, and whether the books kept along the way agree with the rows. */
export function faultsOf(counted: Counts, kept: Counts): readonly string[] {
  const faults: string[] = [];
  const read = counted.invalid + counted.filtered + counted.unchanged + counted.superseded + counted.suppressed + counted.queued;
  if (counted.extracted !== read) faults.push(`${counted.extracted} rows were extracted, ${read} are accounted for`);
  const sent = counted.delivered + counted.rejected + counted.overtaken + counted.waiting + counted.inFlight;
  if (counted.queued !== sent) faults.push(`${counted.queued} rows were queued, ${sent} are accounted for`);
  for (const name of ['invalid', 'delivered', 'rejected', 'overtaken', 'waiting', 'inFlight'] as const) {
    if (counted[name] !== kept[name]) faults.push(`${name}: the books say ${kept[name]}, the rows ${counted[name]}`);
  }
  if (counted.stillRejected > counted.unchanged) faults.push(`${counted.stillRejected} still rejected of ${counted.unchanged} unchanged`);
  return faults;
}
