import { booksOf } from './books.js';
import { transaction, type Connection, type Pool, type Queryable } from './database.js';
import type { Counts } from './documents.js';
import type { WaitCause } from './waits.js';

/** What becomes of rows in the end: their sum is what was read, less what waits or is in flight. */
export const ROW_OUTCOMES = ['invalid', 'filtered', 'unchanged', 'superseded', 'suppressed', 'delivered', 'rejected', 'overtaken'] as const;
export type RowOutcome = (typeof ROW_OUTCOMES)[number];

/** Runs looked at in one transaction. */
const RUNS = 500;
/** Above so many runs that are not counted yet (an older ledger was just upgraded) there is no telling, for some minutes. */
const MOST_UNCOUNTED = 2_000;
/** One process adds up at a time. */
const TOTALS_LOCK = 796_203;

interface OverRun {
  readonly no: number;
  readonly syncId: number;
}

/**
 * Adds runs and waits that are over to the totals, each once. Safe to call at any time, by anybody.
 * @returns runs added
 */
export async function addTotals(pool: Pool): Promise<number> {
  let added = 0;
  let after: number | null = 0;
  while (after !== null) {
    const from: number = after;
    after = await transaction(pool, async (connection) => {
      const { rows } = await connection.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [TOTALS_LOCK]);
      if (rows[0]?.mine !== true) return null;
      if (from === 0) await addWaits(connection);
      const over = await connection.query<OverRun>(
        'SELECT no, sync_id AS "syncId" FROM run WHERE NOT totalled AND ended_at IS NOT NULL AND no > $1 ORDER BY no LIMIT $2', [from, RUNS]);
      added += await addRuns(connection, over.rows);
      return over.rows.length < RUNS ? null : (over.rows.at(-1) as OverRun).no;
    });
  }
  return added;
}

/** A run that failed may still have rows to deliver: it is added when nothing can change any more. */
async function addRuns(connection: Connection, runs: readonly OverRun[]): Promise<number> {
  if (runs.length === 0) return 0;
  const books = await booksOf(connection, runs.map(({ no }) => no));
  const final = runs.filter(({ no }) => { const counts = books.get(no); return counts?.waiting === 0 && counts.inFlight === 0; });
  const sums = new Map<string, { syncId: number; outcome: string; rows: number }>();
  for (const { no, syncId } of final) {
    for (const [outcome, rows] of outcomesOf(books.get(no) as Counts)) {
      const sum = sums.get(`${syncId} ${outcome}`) ?? { syncId, outcome, rows: 0 };
      sum.rows += rows;
      sums.set(`${syncId} ${outcome}`, sum);
    }
  }
  const list = [...sums.values()];
  await connection.query(
    `INSERT INTO row_total (sync_id, outcome, rows) SELECT * FROM unnest($1::int[], $2::text[], $3::bigint[])
     ON CONFLICT (sync_id, outcome) DO UPDATE SET rows = row_total.rows + excluded.rows`,
    [list.map((sum) => sum.syncId), list.map((sum) => sum.outcome), list.map((sum) => sum.rows)],
  );
  await connection.query('UPDATE run SET totalled = true WHERE no = ANY($1)', [final.map(({ no }) => no)]);
  return final.length;
}

async function addWaits(connection: Connection): Promise<void> {
  await connection.query(
    `WITH over AS (
       UPDATE lane_wait SET totalled = true WHERE NOT totalled AND to_at IS NOT NULL RETURNING account_id, cause, to_at - from_at AS took
     )
     INSERT INTO wait_total (account_id, cause, seconds) SELECT account_id, cause, sum(EXTRACT(EPOCH FROM took)) FROM over GROUP BY 1, 2
     ON CONFLICT (account_id, cause) DO UPDATE SET seconds = wait_total.seconds + excluded.seconds`,
  );
}

const outcomesOf = (counts: Counts): readonly (readonly [string, number])[] => [
  ['read', counts.extracted], ...ROW_OUTCOMES.map((outcome): [string, number] => [outcome, counts[outcome]]),
];

export interface RowTotal {
  readonly sync: string;
  /** `read`: rows that were read at all. */
  readonly outcome: RowOutcome | 'read';
  readonly rows: number;
}

/** A run that is not among the totals yet, with its books. */
export interface UncountedRun {
  readonly no: number;
  readonly sync: string;
  readonly destination: string;
  readonly kind: string;
  readonly counts: Counts;
}

/** Runs that are not among the totals yet; null: too many of them to count in passing. */
export async function uncountedRuns(db: Queryable): Promise<readonly UncountedRun[] | null> {
  const { rows } = await db.query<Omit<UncountedRun, 'counts'>>(
    `SELECT r.no, r.kind, s.name AS sync, d.name AS destination FROM run r JOIN sync s ON s.id = r.sync_id JOIN destination d ON d.id = s.destination_id
     WHERE NOT r.totalled ORDER BY r.no LIMIT $1`, [MOST_UNCOUNTED + 1]);
  if (rows.length > MOST_UNCOUNTED) return null;
  const books = await booksOf(db, rows.map(({ no }) => no));
  return rows.map((run) => ({ ...run, counts: books.get(run.no) as Counts }));
}

/** What all runs came to, by sync: those that are over, and what the others have come to so far. */
export async function rowTotals(db: Queryable, uncounted: readonly UncountedRun[]): Promise<readonly RowTotal[]> {
  const { rows } = await db.query<RowTotal>('SELECT s.name AS sync, t.outcome, t.rows FROM row_total t JOIN sync s ON s.id = t.sync_id WHERE NOT s.retired');
  const { rows: syncs } = await db.query<{ sync: string }>('SELECT name AS sync FROM sync WHERE NOT retired');
  const sums = new Map(syncs.map(({ sync }) => [sync, new Map<string, number>(['read', ...ROW_OUTCOMES].map((outcome) => [outcome, 0]))]));
  const add = (sync: string, outcome: string, count: number): void => { sums.get(sync)?.set(outcome, (sums.get(sync)?.get(outcome) ?? 0) + count); };
  for (const total of rows) add(total.sync, total.outcome, total.rows);
  for (const { sync, counts } of uncounted) for (const [outcome, count] of outcomesOf(counts)) add(sync, outcome, count);
  return [...sums].flatMap(([sync, outcomes]) => [...outcomes].map(([outcome, count]) => ({ sync, outcome: outcome as RowTotal['outcome'], rows: count })));
}

export interface WaitTotal {
  readonly account: string;
  readonly cause: WaitCause;
  readonly seconds: number;
}

/** Seconds each account's calls waited, by cause, up to now. */
export async function waitTotals(db: Queryable): Promise<readonly WaitTotal[]> {
  const { rows } = await db.query<WaitTotal>(
    `SELECT a.name AS account, w.cause, sum(w.seconds) AS seconds FROM account a JOIN (
       SELECT account_id, cause, seconds FROM wait_total
       UNION ALL SELECT account_id, cause, EXTRACT(EPOCH FROM COALESCE(to_at, clock_timestamp()) - from_at)::float8 FROM lane_wait WHERE NOT totalled
     ) w ON w.account_id = a.id GROUP BY 1, 2`);
  return rows;
}
