import type { Connection } from './database.js';
import { lowerRises } from './rises.js';

/** What a contact's consent may be at most: codes as in `CONSENT`. */
export interface Lowered {
  readonly key: string;
  readonly email: number;
  readonly sms: number;
}

const falls = (has: string): string => `((${has}.email = 2 AND t.email < 2) OR (${has}.sms = 2 AND t.sms < 2))`;
const lowered = (channel: 'email' | 'sms', has: string): string => `CASE WHEN ${has} = 2 AND t.${channel} < 2 THEN t.${channel} ELSE ${has} END`;

/**
 * Takes granted consent back from contacts whose other fields stay as they are: in the row that waits, else by a row of
 * its own with what was last sent. Such rows go first and carry consent. The destination's lock must be held.
 * @returns rows that were queued; rows that waited already are not counted
 */
export async function lowerConsents(connection: Connection, at: { readonly destinationId: number; readonly runNo: number }, contacts: readonly Lowered[]): Promise<number> {
  if (contacts.length === 0) return 0;
  const keys = contacts.map(({ key }) => key);
  await lowerRises(connection, at.destinationId, contacts);
  // First, and apart: a row that is being claimed just now is then seen in flight by the statement below.
  await connection.query(
    'SELECT count(*) FROM (SELECT 1 FROM outbox o WHERE o.destination_id = $1 AND o.key = ANY($2) FOR UPDATE OF o) locked', [at.destinationId, keys]);
  const { rows } = await connection.query<{ made: number }>(
    `WITH t AS (
       SELECT key, min(email) AS email, min(sms) AS sms FROM unnest($3::text[], $4::smallint[], $5::smallint[]) AS t (key, email, sms) GROUP BY key
     ), waits AS MATERIALIZED (
       -- LATERAL with LIMIT, and by place: always a probe of the index, whatever the planner believes of the queue's size.
       SELECT t.*, o.place, o.kind
       FROM t CROSS JOIN LATERAL (SELECT o.ctid AS place, o.* FROM outbox o WHERE o.destination_id = $1 AND o.key = t.key LIMIT 1) o
     ), waiting AS (
       UPDATE outbox o SET email = ${lowered('email', 'o.email')}, sms = ${lowered('sms', 'o.sms')}, priority = 0, seq = nextval('outbox_seq'), kind = w.id, bundle = NULL, crossed = false
       FROM waits t JOIN kind k ON k.id = t.kind JOIN kind w ON w.destination_id = k.destination_id AND w.action = k.action AND w.shape = k.shape AND w.form = k.form & 2
       WHERE o.ctid = t.place AND ${falls('o')}
     ), refused AS (
       -- A rejection that is tried again must not bring it back.
       UPDATE rejection x SET email = ${lowered('email', 'x.email')}, sms = ${lowered('sms', 'x.sms')}
       FROM t CROSS JOIN LATERAL (
         SELECT r.ctid AS place FROM rejection r WHERE r.destination_id = $1 AND r.key = t.key AND r.resolved_at IS NULL OFFSET 0) r
       WHERE x.ctid = r.place AND ${falls('x')}
     ), f AS MATERIALIZED (
       SELECT r.* FROM batch b JOIN batch_row r ON r.batch_id = b.id JOIN t ON t.key = r.key
       WHERE b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL
     ), last AS (
       SELECT t.*, h.behind, r.sync_id, r.version, r.fp, r.locale, r.fields, r.identity, r.consent_at, r.address, ${lowered('email', 'r.email')} AS new_email,
         ${lowered('sms', 'r.sms')} AS new_sms, b.action, w.id AS kind
       FROM t
       CROSS JOIN LATERAL (
         (SELECT f.batch_id, f.ord, true AS behind FROM f WHERE f.key = t.key ORDER BY f.crossed IS TRUE DESC LIMIT 1)
         UNION ALL SELECT c.batch_id, c.ord, false FROM contact c WHERE c.destination_id = $1 AND c.key = t.key LIMIT 1
       ) h
       CROSS JOIN LATERAL (SELECT * FROM batch_row r WHERE r.batch_id = h.batch_id AND r.ord = h.ord LIMIT 1) r JOIN batch b ON b.id = h.batch_id
       JOIN kind k ON k.id = b.kind JOIN kind w ON w.destination_id = k.destination_id AND w.action = k.action AND w.shape = k.shape AND w.form = 0
       WHERE ${falls('r')} AND b.action = 0 AND NOT EXISTS (SELECT 1 FROM waits w WHERE w.key = t.key)
     ), made AS (
       INSERT INTO outbox (destination_id, key, seq, version, sync_id, run_no, priority, action, email, sms, known, behind, fp, locale, fields, kind, identity, consent_at, address)
       SELECT $1, key, nextval('outbox_seq'), version, sync_id, $2, 0, action, new_email, new_sms, true, behind, fp, locale, fields, kind, identity, consent_at, address FROM last
       RETURNING 1
     )
     SELECT count(*) AS made FROM made`,
    [at.destinationId, at.runNo, keys, contacts.map(({ email }) => email), contacts.map(({ sms }) => sms)],
  );
  return rows[0]?.made ?? 0;
}
