import { booksOf } from './books.js';
import type { Connection, Pool, Queryable } from './database.js';
import { callsOf, warningsOf } from './reports.js';

/** Batches whose rows go in one transaction. */
const AT_ONCE = 50;
/** Rows of other tables that go in one transaction. */
const ROWS_AT_ONCE = 5_000;

/** What was removed, or would be: rows by what they are of. */
export interface Pruned {
  /** Runs whose details went; their line and counts stay. */
  readonly runs: number;
  /** Rows as they were sent, but for those that are what a destination is known to hold. */
  readonly sentRows: number;
  readonly calls: number;
  readonly pages: number;
  readonly overtaken: number;
  /** Rejections that are resolved. */
  readonly rejections: number;
  /** Notes on rows, waits of lanes, differences of verifications. */
  readonly notes: number;
}

interface Candidate {
  readonly no: number;
  readonly begun: boolean;
}

/** A run may lose its details when it has ended, long enough ago, and none of its rows waits or is under way. */
const SETTLED = `SELECT r.no, r.final IS NOT NULL AS begun FROM run r
  WHERE r.ended_at < clock_timestamp() - $1::float8 * interval '1 millisecond' AND r.pruned_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.run_no = r.no)
    AND NOT EXISTS (SELECT 1 FROM batch_run br JOIN batch b ON b.id = br.batch_id WHERE br.run_no = r.no AND b.status IN ('sending', 'accepted', 'unknown'))
  ORDER BY r.no`;

/** Calls, none of them open, of which a run was pruned: what a destination held of theirs then was kept. */
const SHRUNK = `b.status NOT IN ('sending', 'accepted', 'unknown') AND (SELECT COALESCE(sum(x.rows), 0) FROM batch_run x WHERE x.batch_id = b.id) < b.rows`;
/** Rows of pruned runs that nothing holds any more. */
const REPLACED = `p.no = r.run_no AND p.pruned_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.destination_id = r.destination_id AND c.key = r.key AND c.batch_id = r.batch_id AND c.ord = r.ord)`;

/**
 * Removes the details of runs that ended long ago: what was sent and is not what a destination holds now, pages, calls,
 * overtaken rows, resolved rejections; and what earlier prunes kept as it was held then, and has been replaced since. Contacts, what waits, open rejections, opt-outs and erasures are not touched. In
 * small transactions beside running workers; interrupted, the next time goes on where it stood.
 * @param olderThan milliseconds
 * @param onRun after each run, with what went so far
 */
export async function prune(pool: Pool, olderThan: number, signal: AbortSignal, onRun: (done: number, of: number) => void = () => undefined): Promise<Pruned> {
  const total = { runs: 0, sentRows: 0, calls: 0, pages: 0, overtaken: 0, rejections: 0, notes: 0 };
  const connection = await pool.connect();
  try {
    const { rows: runs } = await connection.query<Candidate>(SETTLED, [olderThan]);
    // What destinations hold points at the row that was sent: read once, as nothing comes to point at an old call any more.
    await connection.query('CREATE TEMP TABLE kept AS SELECT batch_id, ord FROM contact');
    await connection.query('CREATE INDEX ON kept (batch_id, ord)');
    await connection.query('ANALYZE kept');
    for (const [done, { no, begun }] of runs.entries()) {
      if (signal.aborted) break;
      if (!begun) await keepCounts(connection, no);
      for (;;) {
        const gone = signal.aborted ? undefined : await pruneCalls(connection, no);
        if (gone === undefined || gone.ids.length === 0) break;
        total.sentRows += gone.rows;
        total.calls += gone.calls;
      }
      if (signal.aborted) break;
      total.overtaken += await removeAll(connection, 'overtaken', 'run_no = $1', [no]);
      total.rejections += await removeAll(connection, 'rejection', 'run_no = $1 AND resolved_at IS NOT NULL', [no]);
      total.notes += await removeAll(connection, 'row_note', 'run_no = $1', [no]);
      total.pages += await removeAll(connection, 'page', 'run_no = $1', [no]);
      await connection.query('UPDATE run SET pruned_at = clock_timestamp() WHERE no = $1', [no]);
      total.runs += 1;
      onRun(done + 1, runs.length);
    }
    for (let after: number | undefined = 0; !signal.aborted && after !== undefined;) {
      const gone = await pruneReplaced(connection, after);
      total.sentRows += gone.rows;
      total.calls += gone.calls;
      after = gone.ids.at(-1);
    }
    if (!signal.aborted) {
      const old = `< clock_timestamp() - $1::float8 * interval '1 millisecond'`;
      // Resolved after their run had been pruned.
      total.rejections += await removeAll(connection, 'rejection', `resolved_at ${old} AND run_no IN (SELECT no FROM run WHERE pruned_at IS NOT NULL)`, [olderThan]);
      total.notes += await removeAll(connection, 'lane_wait', `to_at ${old}`, [olderThan]);
      total.notes += await removeAll(connection, 'difference', `at ${old}`, [olderThan]);
    }
    return total;
  } finally {
    // With its temporary table.
    connection.release(true);
  }
}

/** How many runs `prune` would take the details of, and how many rows they sent, with those that earlier prunes had to keep. */
export async function prunable(db: Queryable, olderThan: number): Promise<{ readonly runs: number; readonly sentRows: number; readonly oldest: string | null }> {
  const { rows } = await db.query<{ runs: number; sentRows: number; oldest: string | null }>(
    `WITH s AS (${SETTLED}) SELECT (SELECT count(*) FROM s) AS runs,
       (SELECT COALESCE(sum(br.rows), 0)::bigint FROM batch_run br JOIN s ON s.no = br.run_no)
         + (SELECT count(*) FROM batch b JOIN batch_row r ON r.batch_id = b.id JOIN run p ON ${REPLACED} WHERE ${SHRUNK}) AS "sentRows",
       (SELECT min(r.id) FROM run r JOIN s ON s.no = r.no) AS oldest`,
    [olderThan],
  );
  return rows[0] as { runs: number; sentRows: number; oldest: string | null };
}

/** From here on the run's documents come from what is kept here. */
async function keepCounts(connection: Connection, no: number): Promise<void> {
  const final = {
    counts: (await booksOf(connection, [no])).get(no), warnings: (await warningsOf(connection, [no])).get(no) ?? {}, calls: (await callsOf(connection, [no])).get(no)?.calls ?? null,
  };
  await connection.query('UPDATE run SET final = $2 WHERE no = $1 AND final IS NULL', [no, JSON.stringify(final)]);
}

/** What went of a few calls, and which those were, ascending. */
interface Gone {
  readonly rows: number;
  readonly calls: number;
  readonly ids: readonly number[];
}

/** Removes a run's rows from its next calls, and the calls that have none left. */
function pruneCalls(connection: Connection, no: number): Promise<Gone> {
  return removeRows(
    connection,
    `WITH next AS MATERIALIZED (SELECT batch_id FROM batch_run WHERE run_no = $1 ORDER BY batch_id LIMIT ${AT_ONCE}),
     gone AS (
       DELETE FROM batch_row r USING next n WHERE r.batch_id = n.batch_id AND r.run_no = $1
         AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.batch_id = r.batch_id AND k.ord = r.ord) RETURNING 1
     ), share AS (DELETE FROM batch_run b USING next n WHERE b.run_no = $1 AND b.batch_id = n.batch_id)
     SELECT (SELECT count(*) FROM gone) AS rows, (SELECT json_agg(batch_id ORDER BY batch_id) FROM next) AS ids`,
    no,
  );
}

/** Removes what was kept of the next calls after this one and has been replaced since, and the calls that have no row left. */
function pruneReplaced(connection: Connection, after: number): Promise<Gone> {
  return removeRows(
    connection,
    `WITH next AS MATERIALIZED (SELECT b.id FROM batch b WHERE b.id > $1 AND ${SHRUNK} ORDER BY b.id LIMIT ${AT_ONCE}),
     gone AS (
       DELETE FROM batch_row r USING next n, run p WHERE r.batch_id = n.id AND ${REPLACED}
         AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.batch_id = r.batch_id AND k.ord = r.ord) RETURNING 1
     )
     SELECT (SELECT count(*) FROM gone) AS rows, (SELECT json_agg(id ORDER BY id) FROM next) AS ids`,
    after,
  );
}

async function removeRows(connection: Connection, sql: string, value: number): Promise<Gone> {
  await connection.query('BEGIN');
  try {
    const { rows } = await connection.query<{ rows: number; ids: readonly number[] | null }>(sql, [value]);
    const gone = rows[0] as { rows: number; ids: readonly number[] | null };
    const { rowCount } = await connection.query(
      `DELETE FROM batch b WHERE b.id = ANY($1) AND NOT EXISTS (SELECT 1 FROM batch_row r WHERE r.batch_id = b.id) AND NOT EXISTS (SELECT 1 FROM batch_run x WHERE x.batch_id = b.id)`,
      [gone.ids ?? []],
    );
    await connection.query('COMMIT');
    return { rows: gone.rows, calls: rowCount ?? 0, ids: gone.ids ?? [] };
  } catch (error) {
    await connection.query('ROLLBACK');
    throw error;
  }
}

async function removeAll(connection: Connection, table: string, where: string, values: readonly unknown[]): Promise<number> {
  for (let removed = 0; ;) {
    const { rowCount } = await connection.query(`DELETE FROM ${table} WHERE ctid IN (SELECT ctid FROM ${table} WHERE ${where} LIMIT ${ROWS_AT_ONCE})`, [...values]);
    removed += rowCount ?? 0;
    if ((rowCount ?? 0) < ROWS_AT_ONCE) return removed;
  }
}
