import { ulid } from 'ulid';
import type { OptOut } from '../destinations/index.js';
import { transaction, type Connection, type Pool, type Queryable } from './database.js';
import { accountFor } from './departures.js';
import { lowerConsents } from './lower.js';
import { CONSENT_MARGIN } from './margin.js';

/** Where opt-outs were learned. */
export interface LearnedFrom {
  /** The destination; null: by hand, for all of them (then nobody is named by key). */
  readonly destination: { readonly name: string; readonly account: string } | null;
  readonly origin: 'webhook' | 'read' | 'hand';
  /** By what the platform knows this webhook again: heard once, it is not heard again. */
  readonly delivery?: string | null;
  /** The ledger's clock when the platform was asked: what it shows only as a state counts where nothing was sent since. */
  readonly askedAt?: string;
}

export interface Learned {
  /** Opt-outs that were not known, or not as late. */
  readonly learned: number;
  /** Rows that were queued to carry them to destinations. */
  readonly queued: number;
  /** Accounts whose lanes have something to do. */
  readonly accounts: readonly string[];
}

/** Contacts an opt-out concerns: waiting, under way or delivered; by key where it was learned, by address anywhere. */
const CONCERNED = `
WITH s AS MATERIALIZED (SELECT * FROM suppression WHERE id = ANY($1) AND lifted_at IS NULL), open AS MATERIALIZED (
  SELECT r.destination_id, r.sync_id, r.key, r.address, r.consent_at, r.crossed IS TRUE AS crossed FROM batch b JOIN batch_row r ON r.batch_id = b.id
  WHERE b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND (r.key IN (SELECT key FROM s) OR r.address IN (SELECT address FROM s))
), named AS MATERIALIZED (
  SELECT o.destination_id, o.sync_id, o.key, o.address, o.consent_at FROM outbox o WHERE (o.address IN (SELECT address FROM s)) IS TRUE
), q AS (
  -- By age: what waits is the newest wish, then what is under way.
  SELECT s.id, 0 AS age, s.channel, s.at, o.destination_id, o.sync_id, o.key, o.consent_at FROM s CROSS JOIN LATERAL (SELECT * FROM outbox o WHERE o.destination_id = s.destination_id AND o.key = s.key LIMIT 1) o
  UNION ALL SELECT s.id, 0, s.channel, s.at, o.destination_id, o.sync_id, o.key, o.consent_at FROM s JOIN named o ON o.address = s.address
  UNION ALL SELECT s.id, CASE WHEN r.crossed THEN 1 ELSE 2 END, s.channel, s.at, r.destination_id, r.sync_id, r.key, r.consent_at
    FROM open r JOIN s ON (r.destination_id = s.destination_id AND r.key = s.key) OR r.address = s.address
  UNION ALL SELECT s.id, 3, s.channel, s.at, c.destination_id, c.sync_id, c.key, r.consent_at
    FROM s JOIN contact c ON c.destination_id = s.destination_id AND c.key = s.key JOIN batch_row r ON r.batch_id = c.batch_id AND r.ord = c.ord
  UNION ALL SELECT s.id, 3, s.channel, s.at, c.destination_id, c.sync_id, c.key, r.consent_at
    FROM s JOIN batch_row r ON r.address = s.address
    JOIN contact c ON c.destination_id = r.destination_id AND c.key = r.key AND c.batch_id = r.batch_id AND c.ord = r.ord
)
SELECT q.destination_id AS "destinationId", q.sync_id AS "syncId", q.key,
  CASE WHEN bool_or(q.channel = 0) THEN 1 ELSE 2 END AS email, CASE WHEN bool_or(q.channel = 1) THEN 1 ELSE 2 END AS sms
FROM (SELECT DISTINCT ON (destination_id, key, id) * FROM q ORDER BY destination_id, key, id, age) q
WHERE NOT COALESCE(q.consent_at > q.at + interval '${CONSENT_MARGIN}', false)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`;

interface Concerned {
  readonly destinationId: number;
  readonly syncId: number;
  readonly key: string;
  readonly email: number;
  readonly sms: number;
}

/**
 * Stores what was learned of people who opted out, and takes their consent back everywhere: in what waits at once, in
 * what is under way or delivered by rows that go first, with books of their own (a run of kind `optOut`).
 * From the moment this returns, no call is made that grants what they took back.
 */
export function learnOptOuts(pool: Pool, from: LearnedFrom, optOuts: readonly OptOut[]): Promise<Learned> {
  return transaction(pool, async (connection) => {
    const destinationId = from.destination === null ? null : await destinationOf(connection, from.destination);
    if (from.delivery !== undefined && from.delivery !== null && destinationId !== null) {
      const heard = await connection.query('INSERT INTO webhook_delivery (destination_id, id) VALUES ($1, $2) ON CONFLICT DO NOTHING', [destinationId, from.delivery]);
      if (heard.rowCount === 0) return { learned: 0, queued: 0, accounts: [] };
    }
    if (optOuts.length === 0) return { learned: 0, queued: 0, accounts: [] };
    await lockAll(connection);
    const ids = await store(connection, destinationId, from, optOuts);
    const { queued, accounts } = await takeBack(connection, ids);
    return { learned: ids.length, queued, accounts };
  });
}

/** Whoever stages, or puts rows back, holds one of these: an opt-out is seen by them, or sees what they queued. */
async function lockAll(connection: Connection): Promise<void> {
  await connection.query('SELECT pg_advisory_xact_lock(796201, d.id) FROM (SELECT id FROM destination ORDER BY id OFFSET 0) d');
}

/** A webhook can be faster than the first run. */
async function destinationOf(connection: Connection, { name, account }: { readonly name: string; readonly account: string }): Promise<number> {
  const find = (): Promise<{ rows: { id: number }[] }> => connection.query<{ id: number }>('SELECT id FROM destination WHERE name = $1', [name]);
  const known = (await find()).rows[0];
  if (known) return known.id;
  await connection.query('INSERT INTO account (name) VALUES ($1) ON CONFLICT DO NOTHING', [account]);
  await connection.query('INSERT INTO destination (name, account_id) SELECT $1, id FROM account WHERE name = $2 ON CONFLICT DO NOTHING', [name, account]);
  return ((await find()).rows[0] as { id: number }).id;
}

async function store(connection: Connection, destinationId: number | null, from: LearnedFrom, optOuts: readonly OptOut[]): Promise<readonly number[]> {
  const { rows } = await connection.query<{ id: number }>(
    `WITH n AS MATERIALIZED (
       SELECT u.ord, u.key, CASE WHEN u.mail IS NOT NULL THEN keyed(lower(u.mail)) END AS address, u.channel, CASE WHEN u.at IS NOT NULL THEN LEAST(u.at, clock_timestamp()) END AS at, u.state, u.reason
       FROM unnest($3::text[], $4::text[], $5::smallint[], $6::timestamptz[], $7::boolean[], $8::text[]) WITH ORDINALITY AS u (key, mail, channel, at, state, reason, ord)
       WHERE u.key IS NOT NULL OR u.mail IS NOT NULL
     ), held AS (
       -- Each by its own way in: in one condition they would be every news against every contact.
       SELECT n.ord, n.channel, n.at, c.email, c.sms, c.batch_id FROM n CROSS JOIN LATERAL (
         SELECT * FROM contact c WHERE c.destination_id = $1 AND c.key = n.key LIMIT 1) c WHERE n.state
       UNION ALL
       SELECT n.ord, n.channel, n.at, c.email, c.sms, c.batch_id FROM n JOIN batch_row r ON r.address = n.address
         JOIN contact c ON c.destination_id = $1 AND c.key = r.key AND c.batch_id = r.batch_id AND c.ord = r.ord WHERE $10::boolean AND n.state AND n.key IS NULL
     ), taken AS MATERIALIZED (
       -- Not opted in there, though we had sent so, and nothing has been sent since: then somebody took it back.
       SELECT h.ord FROM held h JOIN batch b ON b.id = h.batch_id
       WHERE CASE h.channel WHEN 0 THEN h.email ELSE h.sms END = 2 AND b.settled_at < $9::timestamptz
         -- A list that lags still shows what stood there before.
         AND COALESCE(h.at > b.started_at - interval '${CONSENT_MARGIN}', true)
     ), news AS (
       SELECT DISTINCT ON (channel, COALESCE(key, ''), COALESCE(address, '')) * FROM n WHERE NOT state OR ord IN (SELECT ord FROM taken)
       ORDER BY channel, COALESCE(key, ''), COALESCE(address, ''), at DESC NULLS LAST
     )
     INSERT INTO suppression (destination_id, channel, key, address, at, origin, reason)
     SELECT $1, channel, key, address, at, $2, reason FROM news
     ON CONFLICT (COALESCE(destination_id, 0), channel, COALESCE(key, ''), COALESCE(address, '')) DO UPDATE SET at = excluded.at, origin = excluded.origin,
       reason = excluded.reason, learned_at = clock_timestamp(), lifted_at = NULL, lifted_by = NULL, let_in_at = NULL
     WHERE CASE WHEN suppression.lifted_at IS NULL THEN suppression.at IS NOT NULL AND COALESCE(excluded.at > suppression.at, true)
       ELSE excluded.origin = 'hand' OR COALESCE(
         -- What the platform's list goes on telling was known when it was lifted; what is told newly was not.
         excluded.at > suppression.lifted_at - interval '${CONSENT_MARGIN}' AND excluded.at > COALESCE(suppression.at, '-infinity'), excluded.origin = 'webhook') END
     RETURNING id`,
    [
      destinationId, from.origin, optOuts.map((one) => one.key), optOuts.map((one) => one.email), optOuts.map((one) => (one.channel === 'email' ? 0 : 1)),
      optOuts.map((one) => one.at), optOuts.map((one) => one.evidence === 'state'), optOuts.map((one) => one.reason), from.askedAt ?? null,
      optOuts.some((one) => one.evidence === 'state' && one.key === null),
    ],
  );
  return rows.map((row) => row.id);
}

/** Takes back what the given opt-outs concern; the locks must be held. */
async function takeBack(connection: Connection, suppressions: readonly number[]): Promise<Pick<Learned, 'queued' | 'accounts'>> {
  if (suppressions.length === 0) return { queued: 0, accounts: [] };
  const { rows } = await connection.query<Concerned>(CONCERNED, [suppressions]);
  let queued = 0;
  for (const group of bySync(rows)) queued += await lowerInRun(connection, group);
  const accounts = await connection.query<{ name: string }>(
    'SELECT DISTINCT a.name FROM account a JOIN destination d ON d.account_id = a.id WHERE d.id = ANY($1) ORDER BY 1', [rows.map((row) => row.destinationId)]);
  return { queued, accounts: accounts.rows.map((row) => row.name) };
}

function bySync(rows: readonly Concerned[]): readonly (readonly Concerned[])[] {
  const groups = new Map<string, Concerned[]>();
  for (const row of rows) {
    const name = `${row.destinationId} ${row.syncId}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups.values()];
}

/** Lowers the consent of contacts of one sync; rows that had to be made for it belong to a run of their own. */
async function lowerInRun(connection: Connection, contacts: readonly Concerned[]): Promise<number> {
  const { syncId, destinationId } = contacts[0] as Concerned;
  const runNo = await openSilentRun(connection, syncId, 'optOut');
  const queued = await lowerConsents(connection, { destinationId, runNo }, contacts);
  if (queued === 0) await connection.query('DELETE FROM run WHERE no = $1', [runNo]);
  else await accountFor(connection, runNo, queued);
  return queued;
}

/** Opens a run that reads nothing and has no workflow: the sweep closes its books when its last row is settled. */
export async function openSilentRun(connection: Connection, syncId: number, kind: 'optOut' | 'erase'): Promise<number> {
  const id = ulid();
  const { rows } = await connection.query<{ no: number }>(
    `INSERT INTO run (id, sync_id, kind, slot, workflow_id, options, config, config_hash, status, extracting, extracted_at)
     VALUES ($1, $2, $3, $3, $4, $5, '{}', '', 'delivering', false, clock_timestamp()) RETURNING no`,
    [id, syncId, kind, `${kind}/${id}`, JSON.stringify({ kind })],
  );
  return (rows[0] as { no: number }).no;
}

/** Lowers what a run has just put into the queue, where an opt-out learned meanwhile holds against it. */
export async function lowerWaiting(connection: Connection, runNo: number): Promise<void> {
  const { rows } = await connection.query<Concerned>(
    `SELECT o.destination_id AS "destinationId", o.sync_id AS "syncId", o.key,
       CASE WHEN bool_or(s.channel = 0) THEN 1 ELSE 2 END AS email, CASE WHEN bool_or(s.channel = 1) THEN 1 ELSE 2 END AS sms
     FROM outbox o JOIN suppression s ON s.lifted_at IS NULL AND ((s.destination_id = o.destination_id AND s.key = o.key) OR s.address = o.address)
     WHERE o.run_no = $1 AND NOT COALESCE(o.consent_at > s.at + interval '${CONSENT_MARGIN}', false) GROUP BY 1, 2, 3`,
    [runNo],
  );
  for (const group of bySync(rows)) await lowerConsents(connection, { destinationId: (group[0] as Concerned).destinationId, runNo }, group);
}

/** Up to where a destination's opt-outs have been read; and the ledger's clock. */
export async function optOutsRead(db: Queryable, destinationId: number): Promise<{ readonly to: string | null; readonly ageMs: number | null; readonly now: string }> {
  const { rows } = await db.query<{ to: string | null; ageMs: number | null; now: string }>(
    `SELECT opt_outs_to AS "to", (EXTRACT(EPOCH FROM clock_timestamp() - opt_outs_read_at) * 1000)::float8 AS "ageMs",
       to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now FROM destination WHERE id = $1`,
    [destinationId],
  );
  return rows[0] as { to: string | null; ageMs: number | null; now: string };
}

/** Notes that a destination's opt-outs have been read in full up to then. @param to ISO 8601 UTC */
export async function storeOptOutsRead(db: Queryable, destinationId: number, to: string): Promise<void> {
  await db.query('UPDATE destination SET opt_outs_to = $2, opt_outs_read_at = clock_timestamp() WHERE id = $1', [destinationId, to]);
}
