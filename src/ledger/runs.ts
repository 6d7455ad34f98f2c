import type { ReadPlan, SourceState } from '../sources/index.js';
import type { Json } from '../contacts/index.js';
import type { Queryable } from './database.js';
import type { RunKind, RunStatus } from './documents.js';
import type { SyncIds } from './names.js';

/** What a run was asked to do. */
export interface RunOptions {
  readonly kind: RunKind;
  /** Sends also what is unchanged. */
  readonly resend?: boolean;
  /** Only these keys. */
  readonly only?: readonly string[];
  /** Stops reading after so many rows. */
  readonly limit?: number;
  /** Window of a backfill. */
  readonly from?: string;
  readonly to?: string;
  /** A backfill that is not to be read on just now. */
  readonly paused?: boolean;
  /** Started by a schedule: closes as delivering after this many milliseconds. */
  readonly settleWithin?: number;
  /** Whoever is gone from the source may go, however many they are. */
  readonly allowDeletes?: boolean;
  /** Any number of contacts may be opted in or changed. */
  readonly allowMassChange?: boolean;
}

export interface RunRow {
  readonly no: number;
  readonly id: string;
  readonly sync: string;
  readonly syncId: number;
  readonly destinationId: number;
  readonly accountId: number;
  readonly account: string;
  readonly status: RunStatus;
  readonly extracting: boolean;
  readonly options: RunOptions;
  readonly plan: ReadPlan | null;
  readonly position: Json | null;
  readonly pages: number;
  readonly maxTime: string | null;
  readonly workflowId: string;
  readonly state: SourceState | null;
  /** Milliseconds since it was opened. */
  readonly ageMs: number;
}

const SELECT = `SELECT r.no, r.id, s.name AS sync, r.sync_id AS "syncId", s.destination_id AS "destinationId",
    d.account_id AS "accountId", a.name AS account, r.status, r.extracting, r.options, r.plan, r.position, r.pages,
    r.max_time AS "maxTime", r.workflow_id AS "workflowId", s.state,
    (EXTRACT(EPOCH FROM clock_timestamp() - r.started_at) * 1000)::float8 AS "ageMs"
  FROM run r JOIN sync s ON s.id = r.sync_id JOIN destination d ON d.id = s.destination_id JOIN account a ON a.id = d.account_id`;

/** The run of this id, or undefined. */
export async function findRun(db: Queryable, id: string): Promise<RunRow | undefined> {
  const { rows } = await db.query<RunRow>(`${SELECT} WHERE r.id = $1`, [id]);
  return rows[0];
}

/** The run a workflow opened, by the workflow's id. */
export async function findRunOfWorkflow(db: Queryable, workflowId: string): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM run WHERE workflow_id = $1 AND ended_at IS NULL ORDER BY no DESC LIMIT 1', [workflowId]);
  return rows[0]?.id;
}

export interface NewRun {
  readonly id: string;
  readonly ids: SyncIds;
  readonly options: RunOptions;
  readonly workflowId: string;
  /** The configuration it runs under, without secrets. */
  readonly config: unknown;
  readonly configHash: string;
}

/** One extracting run a sync, and one backfill beside it; a retry reads nothing and stands in nobody's way. */
function slotOf(kind: RunKind, id: string): string {
  if (kind === 'retry') return `retry/${id}`;
  return kind === 'backfill' ? kind : 'run';
}

/**
 * Opens a run, or finds the one that already extracts in its place.
 * Safe to call twice with the same id.
 */
export async function openRun(db: Queryable, run: NewRun): Promise<{ id: string; attached: boolean }> {
  const slot = slotOf(run.options.kind, run.id);
  for (;;) {
    const inserted = await db.query(
      `INSERT INTO run (id, sync_id, kind, slot, workflow_id, options, config, config_hash, cursor_from)
       SELECT $1, s.id, CASE WHEN w.whole THEN 'full' ELSE $3 END, $4, $5, CASE WHEN w.whole THEN jsonb_set($6::jsonb, '{kind}', '"full"') ELSE $6::jsonb END, $7, $8, s.cursor
       FROM sync s
       -- What a restored ledger holds is old: only the whole source tells what is newer, whatever its dates.
       CROSS JOIN LATERAL (SELECT s.reread_after IS NOT NULL AND $3 = 'incremental' AND NOT ($6::jsonb ?| '{only,limit}') AS whole) w
       WHERE s.id = $2
       ON CONFLICT DO NOTHING`,
      [run.id, run.ids.syncId, run.options.kind, slot, run.workflowId, JSON.stringify(run.options), JSON.stringify(run.config), run.configHash],
    );
    if (inserted.rowCount === 1) return { id: run.id, attached: false };
    const { rows } = await db.query<{ id: string }>(
      `SELECT id FROM run WHERE id = $1 OR (sync_id = $2 AND slot = $3 AND extracting) ORDER BY (id = $1) DESC LIMIT 1`,
      [run.id, run.ids.syncId, slot],
    );
    const found = rows[0];
    if (found) return { id: found.id, attached: found.id !== run.id };
    // The run in our way ended between the two statements: try again.
  }
}

/** Stores what the source decided for this run; keeps the first decision when called again. */
export async function storePlan(db: Queryable, runNo: number, plan: ReadPlan, estimate: number | null): Promise<ReadPlan> {
  const { rows } = await db.query<{ plan: ReadPlan }>(
    `UPDATE run SET plan = COALESCE(plan, $2::jsonb), estimate = COALESCE(estimate, $3),
       notices = CASE WHEN plan IS NULL THEN notices || $4::jsonb ELSE notices END
     WHERE no = $1 RETURNING plan`,
    [runNo, JSON.stringify(plan), estimate, JSON.stringify(plan.warnings)],
  );
  return (rows[0] as { plan: ReadPlan }).plan;
}

/**
 * Ends the reading of a run and, in the same statement, moves the sync's cursor: the cursor is
 * stored only when every page before it is. `state` null leaves the cursor where it is.
 */
export async function endExtraction(db: Queryable, runNo: number, state: SourceState | null, readTo: string | null): Promise<void> {
  await db.query(
    `WITH ended AS (
       UPDATE run SET extracting = false, extracted_at = clock_timestamp(),
         cursor_to = COALESCE(($2::jsonb) ->> 'cursor', cursor_from)
       WHERE no = $1 AND extracting RETURNING sync_id, config_hash, kind
     ), resolved AS (
       -- A row without a key that this complete read did not meet again is gone.
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'not in the source any more'
       FROM ended e, run r WHERE r.no = $1 AND (r.kind = 'full' OR r.plan -> 'whole' = 'true') AND $2::jsonb IS NOT NULL
         AND x.sync_id = e.sync_id AND x.key IS NULL AND x.resolved_at IS NULL AND x.run_no <> $1
     )
     UPDATE sync s SET state = $2::jsonb, cursor = ($2::jsonb) ->> 'cursor', read_to = COALESCE($3, s.read_to),
       config_hash = ended.config_hash,
       reread_after = CASE WHEN ended.kind = 'full' AND s.reread_after < $1 THEN NULL ELSE s.reread_after END
     FROM ended WHERE s.id = ended.sync_id AND $2::jsonb IS NOT NULL`,
    [runNo, state === null ? null : JSON.stringify(state), readTo],
  );
}

/** Closes a run for good. A run that is already closed stays as it is. */
export async function closeRun(db: Queryable, runNo: number, status: RunStatus, error: string | null): Promise<void> {
  await db.query(
    `UPDATE run SET status = $2, extracting = false, error = COALESCE($3, error),
       ended_at = CASE WHEN $2 = 'delivering' THEN NULL ELSE clock_timestamp() END
     WHERE no = $1 AND ended_at IS NULL`,
    [runNo, status, error],
  );
  // Apart, and after it: a page that was being staged has held the run's row until it was there, with what it put aside.
  await db.query(
    `WITH met AS (DELETE FROM met WHERE run_no = $1), departed AS (DELETE FROM departed WHERE run_no = $1)
     DELETE FROM rise a USING run r WHERE r.no = a.run_no AND r.ended_at IS NOT NULL`,
    [runNo],
  );
}

/** Marks a run as cancelled: reading stops, what is staged is still delivered. */
export async function stopReading(db: Queryable, runId: string): Promise<void> {
  await db.query(`UPDATE run SET extracting = false, status = 'cancelled' WHERE id = $1 AND ended_at IS NULL`, [runId]);
}

/** Rows a run has read in earlier pages. */
export async function extractedBefore(db: Queryable, runNo: number): Promise<number> {
  const { rows } = await db.query<{ extracted: number }>('SELECT COALESCE(sum(extracted), 0)::bigint + (SELECT count(*) FROM rise WHERE run_no = $1) AS extracted FROM page WHERE run_no = $1', [runNo]);
  return rows[0]?.extracted ?? 0;
}

/** Open runs with their workflow, oldest first: what a healing sweep looks at. */
export async function openRuns(db: Queryable): Promise<readonly RunRow[]> {
  const { rows } = await db.query<RunRow>(`${SELECT} WHERE r.ended_at IS NULL ORDER BY r.no`);
  return rows;
}

/** What a run cannot do without. */
export type Needed = 'source' | 'destination';

/** Notes a service the run cannot reach just now (`reason` in words), or that it is reached again (null). */
export async function noteTrouble(db: Queryable, runId: string, reason: string | null, of: Needed = 'source'): Promise<void> {
  await db.query(
    `UPDATE run SET trouble = $2, trouble_of = CASE WHEN $2::text IS NOT NULL THEN NULLIF($3::text, 'source') END, trouble_since = CASE WHEN $2::text IS NULL THEN NULL ELSE COALESCE(trouble_since, clock_timestamp()) END
     WHERE id = $1 AND trouble IS DISTINCT FROM $2::text`,
    [runId, reason, of],
  );
}
