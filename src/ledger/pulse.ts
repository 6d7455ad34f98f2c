import { booksOf } from './books.js';
import type { Queryable } from './database.js';
import type { Counts, LaneDocument, RunStatus } from './documents.js';
import { isoTime } from './reports.js';
import type { Needed } from './runs.js';

/** What whoever follows a run looks at several times a second: a few rows, however large the run. */
export interface RunPulse {
  readonly status: RunStatus;
  /** It has come to its end; nothing of this changes any more. */
  readonly ended: boolean;
  readonly extracting: boolean;
  readonly counts: Counts;
  /** Bulk calls in which the run had rows. */
  readonly calls: number;
  readonly estimate: number | null;
  /** A backfill that somebody has paused. */
  readonly paused?: boolean;
  readonly trouble: { readonly reason: string; readonly seconds: number; readonly of: Needed } | null;
  readonly lane: LaneDocument;
}

interface PulseRow extends LaneDocument {
  readonly no: number;
  readonly status: RunStatus;
  readonly ended: boolean;
  readonly extracting: boolean;
  readonly estimate: number | null;
  readonly paused: boolean;
  readonly trouble: string | null;
  readonly troubleSeconds: number | null;
  readonly troubleOf: Needed;
  readonly calls: number;
}

/** How a run stands just now, or undefined when there is none of this id. */
export async function runPulse(db: Queryable, runId: string): Promise<RunPulse | undefined> {
  const { rows } = await db.query<PulseRow>({
    name: 'run-pulse',
    text: `SELECT r.no, r.status, r.ended_at IS NOT NULL AS ended, r.extracting, r.estimate, r.options ? 'paused' AS paused, r.trouble, COALESCE(r.trouble_of, 'source') AS "troubleOf",
      EXTRACT(EPOCH FROM clock_timestamp() - r.trouble_since)::float8 AS "troubleSeconds",
      (SELECT count(*) FROM batch_run br WHERE br.run_no = r.no) AS calls,
      a.name AS account, a.state, a.reason, a.hint, ${isoTime('a.until')} AS until
    FROM run r JOIN sync s ON s.id = r.sync_id JOIN destination d ON d.id = s.destination_id JOIN account a ON a.id = d.account_id
    WHERE r.id = $1`,
    values: [runId],
  });
  const row = rows[0];
  if (!row) return undefined;
  const counts = (await booksOf(db, [row.no])).get(row.no) as Counts;
  const { status, ended, extracting, estimate, paused, calls, account, state, reason, hint, until } = row;
  return {
    status, ended, extracting, estimate, paused, calls, counts,
    trouble: row.trouble === null ? null : { reason: row.trouble, seconds: Math.round(row.troubleSeconds ?? 0), of: row.troubleOf },
    lane: { account, state, reason, hint, until },
  };
}

/** Earlier runs looked at, at most. */
const LOOKED_AT = 100;

/**
 * Earlier runs of the same sync that have rows on their way to its destination, oldest first, those that failed too: what
 * they had staged is still sent. Backfills go their own way, and so does what waits for a destination the sync has left.
 */
export async function unsettledBefore(db: Queryable, runId: string): Promise<readonly { readonly run: string; readonly workflowId: string }[]> {
  const { rows: earlier } = await db.query<{ no: number; run: string; workflowId: string; destinationId: number }>(
    `SELECT e.no, e.id AS run, e.workflow_id AS "workflowId", s.destination_id AS "destinationId"
     FROM run r JOIN sync s ON s.id = r.sync_id JOIN run e ON e.sync_id = r.sync_id AND e.no < r.no
     WHERE r.id = $1 AND NOT e.extracting AND e.kind <> 'backfill' AND e.final IS NULL ORDER BY e.no DESC LIMIT ${LOOKED_AT}`,
    [runId],
  );
  const books = await booksOf(db, earlier.map(({ no }) => no));
  const unsettled = earlier.filter(({ no }) => { const counts = books.get(no) as Counts; return counts.waiting + counts.inFlight > 0; });
  if (unsettled.length === 0) return [];
  const { rows: here } = await db.query<{ no: number }>(
    `SELECT DISTINCT run_no AS no FROM outbox WHERE run_no = ANY($1) AND destination_id = $2
     UNION SELECT br.run_no FROM batch b JOIN batch_run br ON br.batch_id = b.id WHERE b.destination_id = $2 AND b.status IN ('sending', 'accepted', 'unknown')`,
    [unsettled.map(({ no }) => no), unsettled[0]?.destinationId],
  );
  const nos = new Set(here.map(({ no }) => no));
  return unsettled.filter(({ no }) => nos.has(no)).reverse().map(({ run, workflowId }) => ({ run, workflowId }));
}
