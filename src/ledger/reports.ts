import { booksOf } from './books.js';
import type { Queryable } from './database.js';
import type { BatchDocument, CallCounts, Counts, LaneDocument, MappingDocument, RunDocument, RunKind, RunStatus, RunSummary, VerificationDocument } from './documents.js';

/** A time as the documents write it. */
export const isoTime = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const LAST_BATCHES = 1_000;

interface RunFacts {
  readonly no: number;
  readonly run: string;
  readonly sync: string;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly cursorFrom: string | null;
  readonly cursorTo: string | null;
  readonly verification: VerificationDocument | null;
  readonly workflowId: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly error: string | null;
  readonly notices: readonly string[];
  readonly extracting: boolean;
  readonly estimate: number | null;
  readonly trouble: string | null;
  readonly troubleSeconds: number | null;
  readonly accountId: number;
  readonly mapping: MappingDocument | null;
  readonly backfill: RunDocument['backfill'];
  readonly prunedAt: string | null;
}

const FACTS = `SELECT r.no, r.id AS run, s.name AS sync, r.kind, r.status, r.cursor_from AS "cursorFrom", r.cursor_to AS "cursorTo", r.verification,
    r.workflow_id AS "workflowId", ${isoTime('r.started_at')} AS "startedAt", ${isoTime('r.ended_at')} AS "endedAt",
    r.error, r.notices, r.extracting, r.estimate, r.trouble,
    EXTRACT(EPOCH FROM clock_timestamp() - r.trouble_since)::float8 AS "troubleSeconds", d.account_id AS "accountId", r.mapping, ${isoTime('r.pruned_at')} AS "prunedAt",
    CASE WHEN r.kind = 'backfill' THEN json_build_object('from', r.options ->> 'from', 'to', r.options ->> 'to', 'paused', r.extracting AND r.options ? 'paused') END AS backfill
  FROM run r JOIN sync s ON s.id = r.sync_id JOIN destination d ON d.id = s.destination_id`;

/** The whole document of a run, or undefined when there is none of this id. */
export async function runDocument(db: Queryable, runId: string, attached = false): Promise<RunDocument | undefined> {
  const { rows } = await db.query<RunFacts>(`${FACTS} WHERE r.id = $1`, [runId]);
  const facts = rows[0];
  if (!facts) return undefined;
  const [summary] = await summaries(db, [facts], attached);
  const batches = await batchesOf(db, facts.no, LAST_BATCHES);
  return { ...(summary as RunSummary), batches };
}

/** Runs, newest first, of one sync or of all. */
export async function listRuns(db: Queryable, sync: string | null, limit: number): Promise<readonly RunSummary[]> {
  const { rows } = await db.query<RunFacts>(`${FACTS} WHERE $1::text IS NULL OR s.name = $1 ORDER BY r.no DESC LIMIT $2`, [sync, limit]);
  return summaries(db, rows, false);
}

async function summaries(db: Queryable, facts: readonly RunFacts[], attached: boolean): Promise<readonly RunSummary[]> {
  const nos = facts.map((row) => row.no);
  const [books, warnings, calls, finals] = [await booksOf(db, nos), await warningsOf(db, nos), await callsOf(db, nos), await finalsOf(db, nos)];
  const lanes = new Map<number, LaneDocument>();
  for (const { accountId } of facts) if (!lanes.has(accountId)) lanes.set(accountId, await laneDocument(db, accountId));
  return facts.map((row) => ({
    run: row.run, sync: row.sync, kind: row.kind, status: row.status, attached,
    counts: books.get(row.no) as Counts,
    lane: lanes.get(row.accountId) as LaneDocument,
    warnings: finals.get(row.no)?.warnings ?? warnings.get(row.no) ?? {},
    calls: finals.get(row.no)?.calls ?? calls.get(row.no)?.calls ?? { total: 0, succeeded: 0, rateLimited: 0, retried: 0, unknownSettled: 0 },
    batchesTotal: finals.get(row.no)?.calls?.total ?? calls.get(row.no)?.calls.total ?? 0,
    prunedAt: row.prunedAt,
    cursor: { from: row.cursorFrom, to: row.cursorTo },
    verification: row.verification, workflowId: row.workflowId, startedAt: row.startedAt, endedAt: row.endedAt,
    error: row.error, notices: row.notices, extracting: row.extracting, estimate: row.estimate, mapping: row.mapping, backfill: row.backfill,
    trouble: row.trouble === null ? null : { reason: row.trouble, seconds: Math.round(row.troubleSeconds ?? 0) },
  }));
}

/** What was kept of runs whose details are gone. */
async function finalsOf(db: Queryable, nos: readonly number[]): Promise<ReadonlyMap<number, { readonly warnings: Record<string, number>; readonly calls: CallCounts | null }>> {
  const { rows } = await db.query<{ no: number; final: { warnings: Record<string, number>; calls: CallCounts | null } }>('SELECT no, final FROM run WHERE no = ANY($1) AND final IS NOT NULL', [nos]);
  return new Map(rows.map(({ no, final }) => [no, final]));
}

export async function warningsOf(db: Queryable, nos: readonly number[]): Promise<ReadonlyMap<number, Record<string, number>>> {
  const { rows } = await db.query<{ no: number; warnings: Record<string, number> }>(
    `SELECT no, jsonb_object_agg(reason, count ORDER BY reason) AS warnings FROM (
       SELECT p.run_no AS no, w.key AS reason, sum(w.value::bigint) AS count FROM page p, jsonb_each_text(p.warnings) w
       WHERE p.run_no = ANY($1) GROUP BY p.run_no, w.key
       UNION ALL
       SELECT n.run_no, 'platform: ' || n.reason, count(*) FROM row_note n WHERE n.run_no = ANY($1) GROUP BY n.run_no, n.reason) x GROUP BY no`,
    [nos],
  );
  return new Map(rows.map((row) => [row.no, row.warnings]));
}

export async function callsOf(db: Queryable, nos: readonly number[]): Promise<ReadonlyMap<number, { calls: CallCounts }>> {
  const { rows } = await db.query<CallCounts & { no: number }>(
    `SELECT br.run_no AS no, count(*) AS total,
       count(*) FILTER (WHERE b.outcome IN ('answered', 'unclear', 'accepted')) AS succeeded,
       count(*) FILTER (WHERE b.outcome IN ('throttled', 'quota')) AS "rateLimited",
       count(*) FILTER (WHERE b.attempt > 1) AS retried,
       count(*) FILTER (WHERE b.outcome = 'unknown' AND b.status = 'settled') AS "unknownSettled"
     FROM batch_run br JOIN batch b ON b.id = br.batch_id WHERE br.run_no = ANY($1) GROUP BY br.run_no`,
    [nos],
  );
  return new Map(rows.map(({ no, ...calls }) => [no, { calls }]));
}

/** The last batches with rows of a run, oldest first. */
export async function batchesOf(db: Queryable, runNo: number, limit: number): Promise<readonly BatchDocument[]> {
  const { rows } = await db.query<BatchDocument>(
    `SELECT * FROM (
       SELECT b.id AS batch, b.rows, br.rows AS "ofThisRun", br.delivered, br.rejected, b.status, b.http_status AS "httpStatus",
         b.attempt AS attempts, ${isoTime('b.started_at')} AS "startedAt",
         CASE WHEN b.answered_at IS NOT NULL THEN GREATEST(round(EXTRACT(EPOCH FROM b.answered_at - b.started_at) * 1000), 0)::int END AS "durationMs", b.message,
         b.receipt, COALESCE(b.notes, '[]') AS notes
       FROM batch_run br JOIN batch b ON b.id = br.batch_id WHERE br.run_no = $1 ORDER BY b.id DESC LIMIT $2
     ) x ORDER BY batch`,
    [runNo, limit],
  );
  return rows;
}

/** What a lane shows. */
export async function laneDocument(db: Queryable, accountId: number): Promise<LaneDocument> {
  const { rows } = await db.query<LaneDocument>(
    `SELECT name AS account, state, reason, hint, ${isoTime('until')} AS until FROM account WHERE id = $1`,
    [accountId],
  );
  return rows[0] as LaneDocument;
}
