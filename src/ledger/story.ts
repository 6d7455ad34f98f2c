import type { BatchStatus, FailureDocument, StoryDocument } from './documents.js';
import type { Queryable } from './database.js';
import { erasedContact } from './forget.js';
import { isoTime } from './reports.js';
import { consentStanding, type SaidNow } from './standing.js';

const WORDS = ['unknown', 'denied', 'granted', 'not mapped'] as const;
const consent = (code: number): string => WORDS[code] ?? 'unknown';

interface SentRow {
  readonly at: string;
  readonly batch: number;
  readonly run: string;
  readonly status: BatchStatus;
  readonly outcome: number | null;
  readonly httpStatus: number | null;
  readonly message: string | null;
  /** What the platform remarked on this row. */
  readonly note: string | null;
  readonly fields: string;
  readonly email: number;
  readonly sms: number;
  readonly version: string;
}

/**
 * Everything the ledger knows of one contact of a sync; undefined when it knows nothing.
 * @param said what the source says now; null: it was not asked, or does not know the key
 */
export async function contactStory(db: Queryable, sync: string, key: string, said: SaidNow | null = null): Promise<StoryDocument | undefined> {
  const ids = await db.query<{ source: string; destination: number }>('SELECT source, destination_id AS destination FROM sync WHERE name = $1', [sync]);
  const found = ids.rows[0];
  if (!found) return undefined;
  const { destination, source } = found;
  const erased = (await erasedContact(db, source, key)) ?? null;
  const standing = await consentStanding(db, destination, key, said);
  const sent = await db.query<SentRow>(
    `SELECT ${isoTime('b.started_at')} AS at, b.id AS batch, r.id AS run, b.status, br.outcome, b.http_status AS "httpStatus", b.message, br.fields, n.note,
       br.email, br.sms, ${isoTime('br.version')} AS version
     FROM batch_row br JOIN batch b ON b.id = br.batch_id JOIN run r ON r.no = br.run_no
     LEFT JOIN LATERAL (SELECT string_agg(w.reason, '; ') AS note FROM row_note w WHERE w.batch_id = br.batch_id AND w.ord = br.ord) n ON true
     WHERE br.destination_id = $1 AND br.key = $2 ORDER BY b.id`,
    [destination, key],
  );
  const held = await db.query<{ batch: number; version: string; email: number; sms: number; fields: string | null; at: string | null }>(
    `SELECT c.batch_id AS batch, ${isoTime('c.version')} AS version, c.email, c.sms, br.fields, ${isoTime('b.settled_at')} AS at
     FROM contact c LEFT JOIN batch_row br ON br.batch_id = c.batch_id AND br.ord = c.ord LEFT JOIN batch b ON b.id = c.batch_id
     WHERE c.destination_id = $1 AND c.key = $2`,
    [destination, key],
  );
  const waiting = await db.query<{ version: string; email: number; sms: number; fields: string; since: string; notBefore: string | null; run: string }>(
    `SELECT ${isoTime('o.version')} AS version, o.email, o.sms, o.fields, ${isoTime('o.staged_at')} AS since, r.id AS run,
       CASE WHEN isfinite(GREATEST(o.not_before, bu.not_before)) THEN ${isoTime('GREATEST(o.not_before, bu.not_before)')} END AS "notBefore"
     FROM outbox o JOIN run r ON r.no = o.run_no LEFT JOIN bundle bu ON bu.id = o.bundle WHERE o.destination_id = $1 AND o.key = $2`,
    [destination, key],
  );
  const refused = await db.query<FailureDocument & { resolvedAt: string | null; resolution: string | null; at: string }>(
    `SELECT x.key, x.place, x.reason, x.code, r.id AS run, ${isoTime('x.since')} AS since, x.attempts, ${isoTime('x.at')} AS at,
       ${isoTime('x.resolved_at')} AS "resolvedAt", x.resolution
     FROM rejection x JOIN run r ON r.no = x.run_no WHERE x.destination_id = $1 AND x.key = $2 ORDER BY x.id`,
    [destination, key],
  );
  const late = await db.query<{ at: string; reason: string; run: string }>(
    `SELECT ${isoTime('v.at')} AS at, v.reason, r.id AS run FROM overtaken v JOIN run r ON r.no = v.run_no WHERE v.destination_id = $1 AND v.key = $2 ORDER BY v.id`,
    [destination, key],
  );
  const known = sent.rows.length + held.rows.length + waiting.rows.length + refused.rows.length + late.rows.length + standing.suppressions.length > 0;
  if (!known && erased === null) return undefined;
  const flying = sent.rows.find((row) => row.outcome === null && ['sending', 'accepted', 'unknown'].includes(row.status));
  const open = refused.rows.find((row) => row.resolvedAt === null);
  const delivered = held.rows[0];
  const wait = waiting.rows[0];
  return {
    sync, key, consent: standing, erased,
    delivered: delivered
      ? { fields: parse(delivered.fields), emailConsent: consent(delivered.email), smsConsent: consent(delivered.sms), version: delivered.version, batch: delivered.batch, at: delivered.at }
      : null,
    waiting: wait
      ? { fields: parse(wait.fields), emailConsent: consent(wait.email), smsConsent: consent(wait.sms), version: wait.version, since: wait.since, notBefore: wait.notBefore, run: wait.run }
      : null,
    inFlight: flying ? { batch: flying.batch, status: flying.status, since: flying.at } : null,
    rejection: open ? { key: open.key, place: open.place, reason: open.reason, code: open.code, run: open.run, since: open.since, attempts: open.attempts } : null,
    events: [
      ...sent.rows.map((row) => ({
        at: row.at, what: whatBecame(row), run: row.run, batch: row.batch, fields: parse(row.fields), emailConsent: consent(row.email),
      })),
      ...refused.rows.flatMap((row) => [
        { at: row.at, what: `${row.code === 'invalid' ? 'invalid' : 'rejected'}: ${row.reason}`, run: row.run, batch: null },
        ...(row.resolvedAt === null ? [] : [{ at: row.resolvedAt, what: `no longer rejected: ${row.resolution ?? ''}`, run: null, batch: null }]),
      ]),
      ...late.rows.map((row) => ({ at: row.at, what: `overtaken: ${row.reason}`, run: row.run, batch: null })),
    ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)),
  };
}

const parse = (fields: string | null): unknown => (fields === null ? null : JSON.parse(fields));

function whatBecame(row: SentRow): string {
  const answer = row.httpStatus === null ? '' : ` (HTTP ${row.httpStatus})`;
  if (row.outcome === 2) return `sent and rejected${answer}`;
  if (row.outcome === 3) return row.status === 'settled' ? `sent, outcome unknown: queued again${answer}` : `sent in a call that was ${row.status}${answer}: queued again`;
  if (row.status === 'settled') return `delivered${answer}${row.note === null ? '' : `, with a warning: ${row.note}`}`;
  if (row.status === 'accepted') return 'accepted, the result is awaited';
  return row.status === 'unknown' ? 'sent, outcome unknown' : 'being sent';
}
