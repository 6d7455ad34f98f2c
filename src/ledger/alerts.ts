import type { AlertEvent } from '../config/index.js';
import { transaction, type Pool, type Queryable } from './database.js';
import { isoTime } from './reports.js';

/** Something that is wrong just now. No contact's data, no secret. */
export interface Trouble {
  readonly event: AlertEvent;
  /** An account, a sync, a destination. */
  readonly subject: string;
  /** In words that begin with the thing. */
  readonly reason: string;
  /** What a person does about it; null: nothing. */
  readonly command: string | null;
}

/** A channel and what it wants to hear of. */
export interface Listener {
  readonly name: string;
  readonly on: readonly AlertEvent[];
}

/** One worker compares at a time. */
const COMPARING = 796_203;
/** Alerts that are over are kept for so long. */
const KEPT = '90 days';
/** A message nobody could be told in so long is old news. */
const TRIED = '3 days';

/**
 * Holds what is wrong now against what was: opens what is new, and ends what has been well for `quietMs`. Each is queued
 * once for every channel that wants it, in the same transaction.
 * @param looked what was looked at: of the others nothing is known, and nothing ends
 */
export function noteTroubles(pool: Pool, troubles: readonly Trouble[], looked: readonly AlertEvent[], listeners: readonly Listener[], quietMs: number): Promise<void> {
  return transaction(pool, async (connection) => {
    const { rows } = await connection.query<{ ours: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS ours', [COMPARING]);
    if (rows[0]?.ours !== true) return;
    const opened = await connection.query<{ id: number; event: AlertEvent; opened: boolean }>(
      `INSERT INTO alert (event, subject, reason, command)
       SELECT DISTINCT ON (event, subject) * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t (event, subject, reason, command)
       ON CONFLICT (event, subject) WHERE resolved_at IS NULL DO UPDATE SET seen_at = clock_timestamp(), reason = excluded.reason, command = excluded.command
       RETURNING id, event, (xmax = 0) AS opened`,
      [troubles.map((one) => one.event), troubles.map((one) => one.subject), troubles.map((one) => one.reason), troubles.map((one) => one.command)],
    );
    const messages = opened.rows.filter((row) => row.opened).flatMap(({ id, event }) => listeners.filter(({ on }) => on.includes(event)).map(({ name }) => ({ id, name })));
    await connection.query(`INSERT INTO alert_message (alert_id, channel, state) SELECT m.id, m.name, 'open' FROM unnest($1::bigint[], $2::text[]) AS m (id, name)`, [
      messages.map((one) => one.id), messages.map((one) => one.name),
    ]);
    await connection.query(
      `WITH over AS (
         UPDATE alert SET resolved_at = clock_timestamp()
         WHERE resolved_at IS NULL AND event = ANY($1) AND NOT (id = ANY($2)) AND seen_at < clock_timestamp() - make_interval(secs => $3::float8 / 1000) RETURNING id
       )
       INSERT INTO alert_message (alert_id, channel, state)
       SELECT m.alert_id, m.channel, 'resolved' FROM alert_message m JOIN over ON over.id = m.alert_id WHERE m.state = 'open' AND m.channel = ANY($4)`,
      [looked, opened.rows.map((row) => row.id), quietMs, listeners.map((one) => one.name)],
    );
    await connection.query(`DELETE FROM alert WHERE resolved_at < clock_timestamp() - interval '${KEPT}'`);
  });
}

/** A message to be told. */
export interface AlertMessage {
  readonly id: string;
  readonly alert: number;
  readonly channel: string;
  readonly state: 'open' | 'resolved';
  readonly event: AlertEvent;
  readonly subject: string;
  readonly reason: string;
  readonly command: string | null;
  readonly openedAt: string;
  readonly resolvedAt: string | null;
  readonly attempts: number;
}

/**
 * Takes the next message that is due for a channel; nobody else gets it within `forMs`, in which it must be told or not.
 * That something is over is not told before it was told that it began.
 */
export async function takeMessage(db: Queryable, channel: string, forMs: number): Promise<AlertMessage | undefined> {
  const { rows } = await db.query<AlertMessage>(
    `WITH next AS (
       SELECT m.ctid AS place FROM alert_message m
       WHERE m.channel = $1 AND m.told_at IS NULL AND m.next_at <= clock_timestamp() AND m.made_at > clock_timestamp() - interval '${TRIED}'
         AND (m.state = 'open' OR EXISTS (SELECT 1 FROM alert_message o WHERE o.alert_id = m.alert_id AND o.channel = m.channel AND o.state = 'open' AND o.told_at IS NOT NULL))
       ORDER BY m.next_at LIMIT 1 FOR UPDATE OF m SKIP LOCKED
     ), taken AS (
       UPDATE alert_message m SET attempts = attempts + 1, next_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
       FROM next WHERE m.ctid = next.place RETURNING m.*
     )
     SELECT t.id, t.alert_id AS alert, t.channel, t.state, t.attempts, a.event, a.subject, a.reason, a.command,
       ${isoTime('a.opened_at')} AS "openedAt", ${isoTime('a.resolved_at')} AS "resolvedAt"
     FROM taken t JOIN alert a ON a.id = t.alert_id`,
    [channel, forMs],
  );
  return rows[0];
}

/** A message was told, or not, and why; then it is tried again after `againMs`. */
export async function noteTold(db: Queryable, { alert, channel, state }: AlertMessage, error: string | null, againMs: number): Promise<void> {
  await db.query(
    `UPDATE alert_message SET error = $4, told_at = CASE WHEN $4::text IS NULL THEN clock_timestamp() END,
       next_at = clock_timestamp() + make_interval(secs => $5::float8 / 1000)
     WHERE alert_id = $1 AND channel = $2 AND state = $3 AND told_at IS NULL`,
    [alert, channel, state, error, againMs],
  );
}

/** An alert as it is listed. */
export interface AlertDocument {
  readonly event: AlertEvent;
  readonly subject: string;
  readonly reason: string;
  readonly command: string | null;
  readonly openedAt: string;
  readonly resolvedAt: string | null;
  /** Who was told, or is to be. */
  readonly messages: readonly { readonly id: string; readonly channel: string; readonly state: 'open' | 'resolved'; readonly toldAt: string | null; readonly attempts: number; readonly error: string | null }[];
}

/** Alerts that are open, then those that are over, newest first. */
export async function listAlerts(db: Queryable, limit: number): Promise<readonly AlertDocument[]> {
  const { rows } = await db.query<AlertDocument>(
    `SELECT a.event, a.subject, a.reason, a.command, ${isoTime('a.opened_at')} AS "openedAt", ${isoTime('a.resolved_at')} AS "resolvedAt",
       COALESCE((SELECT json_agg(json_build_object('id', m.id, 'channel', m.channel, 'state', m.state, 'toldAt', ${isoTime('m.told_at')}, 'attempts', m.attempts, 'error', m.error)
         ORDER BY m.channel, m.state) FROM alert_message m WHERE m.alert_id = a.id), '[]') AS messages
     FROM alert a ORDER BY a.resolved_at IS NOT NULL, a.id DESC LIMIT $1`,
    [limit],
  );
  return rows;
}
