import type { Queryable } from './database.js';
import type { RunKind, RunStatus } from './documents.js';
import { isoTime } from './reports.js';

/** A run as a Schedule's last start shows it. */
export interface ScheduledRun {
  readonly run: string;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly error: string | null;
}

/** The run a workflow opened, ended or not; undefined: it opened none. */
export async function runOfWorkflow(db: Queryable, workflowId: string): Promise<ScheduledRun | undefined> {
  const { rows } = await db.query<ScheduledRun>(
    `SELECT id AS run, kind, status, ${isoTime('started_at')} AS "startedAt", ${isoTime('ended_at')} AS "endedAt", error
     FROM run WHERE workflow_id = $1 ORDER BY no DESC LIMIT 1`,
    [workflowId],
  );
  return rows[0];
}

/**
 * Whether a sync's last whole full run, from its start, is older than so many milliseconds, or there never was one.
 * One that was cut short, or left after some rows, was none.
 */
export async function isFullDue(db: Queryable, syncId: number, every: number): Promise<boolean> {
  const { rows } = await db.query<{ due: boolean }>(
    `SELECT NOT EXISTS (
       SELECT FROM run WHERE sync_id = $1 AND kind = 'full' AND extracted_at IS NOT NULL AND status NOT IN ('failed', 'cancelled')
         AND NOT options ? 'limit' AND started_at > clock_timestamp() - $2 * interval '1 millisecond') AS due`,
    [syncId, every],
  );
  return rows[0]?.due === true;
}
