import type { Connection } from './database.js';
import { lowerConsents, type Lowered } from './lower.js';
import type { StagePage } from './stage.js';

type Page = Pick<StagePage, 'runNo' | 'syncId' | 'destinationId' | 'ways'>;

/**
 * Takes up changed keys before a page is compared: what waited under a former key is overtaken by the row that changes it.
 * @param inLedger the platform holds no key of ours: the contact is the same under its new key, unless a call with the
 * former one is under way (then its settlement finds the change)
 */
export async function renameKeys(connection: Connection, page: Page, inLedger: boolean): Promise<void> {
  const { destinationId, syncId } = page;
  await connection.query(
    `WITH gone AS (
       DELETE FROM outbox o USING stage s WHERE s.previous_key IS NOT NULL AND o.destination_id = $1 AND o.sync_id = $2 AND o.key = s.previous_key
       RETURNING o.key, o.run_no, o.version
     ), resolved AS (
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'its key changed'
       FROM stage s WHERE s.previous_key IS NOT NULL AND x.destination_id = $1 AND x.sync_id = $2 AND x.key = s.previous_key AND x.resolved_at IS NULL
     )
     INSERT INTO overtaken (destination_id, key, run_no, version, reason) SELECT $1, key, run_no, version, 'its key changed' FROM gone`,
    [destinationId, syncId],
  );
  if (!inLedger) return;
  await connection.query(
    `UPDATE contact c SET key = s.key FROM stage s
     WHERE s.previous_key IS NOT NULL AND c.destination_id = $1 AND c.sync_id = $2 AND c.key = s.previous_key
       AND NOT EXISTS (SELECT 1 FROM contact n WHERE n.destination_id = $1 AND n.key = s.key)
       AND NOT EXISTS (SELECT 1 FROM batch b JOIN batch_row r ON r.batch_id = b.id
         WHERE b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND r.key = s.previous_key)`,
    [destinationId, syncId],
  );
  await connection.query(
    `UPDATE batch_row r SET key = s.key, previous_key = s.previous_key FROM stage s JOIN contact c ON c.destination_id = $1 AND c.sync_id = $2 AND c.key = s.key
     WHERE s.previous_key IS NOT NULL AND r.batch_id = c.batch_id AND r.ord = c.ord AND r.key = s.previous_key`,
    [destinationId, syncId],
  );
  await connection.query(
    `UPDATE identity i SET key = s.key FROM stage s, sync y, destination d
     WHERE s.previous_key IS NOT NULL AND y.id = $2 AND d.id = $1 AND i.account_id = d.account_id AND i.source = y.source AND i.key = s.previous_key
       AND NOT EXISTS (SELECT 1 FROM identity n WHERE n.account_id = i.account_id AND n.identity = i.identity AND n.source = i.source AND n.key = s.key)`,
    [destinationId, syncId],
  );
}

/**
 * $1 destination, $2 sync: who shares an identity of the page with whom, and the strictest consent among them. The first
 * claimant owns it, unless it was set aside for one that has left since and was not read again: somebody must be sent.
 */
const SHARED = `
  SELECT t.identity, g.* FROM (SELECT DISTINCT identity FROM stage WHERE identity IS NOT NULL) t
  CROSS JOIN (SELECT account_id FROM destination WHERE id = $1) a
  CROSS JOIN LATERAL (
    SELECT count(*) AS claimants FROM (SELECT 1 FROM identity i WHERE i.account_id = a.account_id AND i.identity = t.identity LIMIT 2) two
  ) n
  CROSS JOIN LATERAL (
    SELECT (array_agg(i.key ORDER BY i.aside, i.no))[1] AS owner, (array_agg(i.source ORDER BY i.aside, i.no))[1] AS owner_source,
      bool_or(i.email = 1) AS email_denied, bool_or(i.email = 0) AS email_unknown, bool_or(i.sms = 1) AS sms_denied, bool_or(i.sms = 0) AS sms_unknown
    FROM (
      SELECT i.*, EXISTS (SELECT 1 FROM destination e JOIN rejection x ON x.destination_id = e.id AND x.key = i.key AND x.resolved_at IS NULL
        JOIN sync y ON y.id = x.sync_id WHERE e.account_id = a.account_id AND x.code = 'duplicate' AND x.identity = i.identity AND y.source = i.source) AS aside
      FROM identity i WHERE i.account_id = a.account_id AND i.identity = t.identity
    ) i
  ) g WHERE n.claimants > 1`;

const strictest = (channel: 'email' | 'sms', own: string): string =>
  `CASE WHEN x.${channel}_denied THEN 1 WHEN x.${channel}_unknown AND ${own} = 2 THEN 0 ELSE ${own} END::smallint`;

/** The most the owner of a shared identity may be sent with. */
const most = (channel: 'email' | 'sms'): string => `CASE WHEN x.${channel}_denied THEN 1 WHEN x.${channel}_unknown THEN 0 ELSE 2 END::smallint`;

/**
 * Notes whose identity is whose, in the order they came: of two contacts a platform cannot tell apart the first is sent,
 * with the strictest consent of both, and the other gets the first as its `owner`. One account's pages do this in turn.
 */
export async function claimIdentities(connection: Connection, page: Page): Promise<void> {
  const values = [page.destinationId, page.syncId];
  await connection.query('SELECT pg_advisory_xact_lock(796202, account_id) FROM destination WHERE id = $1', [page.destinationId]);
  await connection.query(
    `INSERT INTO identity (account_id, identity, source, key, email, sms)
     SELECT d.account_id, s.identity, y.source, s.key, s.email, s.sms FROM stage s, sync y, destination d
     WHERE s.identity IS NOT NULL AND y.id = $2 AND d.id = $1 ORDER BY s.ord
     ON CONFLICT (account_id, identity, source, key) DO UPDATE SET email = excluded.email, sms = excluded.sms
       WHERE (identity.email, identity.sms) <> (excluded.email, excluded.sms)`,
    values,
  );
  await releaseIdentities(connection, page);
  await connection.query(
    `WITH x AS (${SHARED}), o AS (
       SELECT x.*, s.ord, x.owner = s.key AND x.owner_source = y.source AS own FROM x JOIN stage s ON s.identity = x.identity JOIN sync y ON y.id = $2
     )
     UPDATE stage s SET owner = CASE WHEN NOT x.own THEN x.owner END,
       email = CASE WHEN x.own THEN ${strictest('email', 's.email')} ELSE s.email END, sms = CASE WHEN x.own THEN ${strictest('sms', 's.sms')} ELSE s.sms END
     FROM o x WHERE s.ord = x.ord`,
    values,
  );
}

/**
 * A contact of the page lets go of an identity that no destination of the account holds, or is about to be sent, under
 * its name any more.
 */
async function releaseIdentities(connection: Connection, page: Page): Promise<void> {
  await connection.query(
    // Row by row through the index, and the rest only for the few that have another: the planner knows nothing of a
    // page's size, and would compare every identity of the account with every row of the page.
    `WITH other AS MATERIALIZED (
       SELECT i.place, i.identity, s.key, d.account_id FROM sync y CROSS JOIN destination d CROSS JOIN stage s CROSS JOIN LATERAL (
         SELECT i.ctid AS place, i.identity FROM identity i
         WHERE i.account_id = d.account_id AND i.source = y.source AND i.key = s.key AND i.identity <> s.identity OFFSET 0
       ) i WHERE s.identity IS NOT NULL AND y.id = $2 AND d.id = $1
     )
     DELETE FROM identity i USING other o WHERE i.ctid = o.place
       AND NOT EXISTS (SELECT 1 FROM contact c JOIN destination e ON e.id = c.destination_id AND e.account_id = o.account_id
         WHERE c.key = o.key AND c.identity = o.identity)
       AND NOT EXISTS (SELECT 1 FROM batch b JOIN batch_row r ON r.batch_id = b.id
         WHERE b.account_id = o.account_id AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND r.key = o.key AND r.identity = o.identity)
       AND NOT EXISTS (SELECT 1 FROM destination e JOIN outbox w ON w.destination_id = e.id AND w.key = o.key AND w.identity = o.identity
         WHERE e.account_id = o.account_id)`,
    [page.destinationId, page.syncId],
  );
}

/**
 * Lowers the consent of contacts that are not what the page says of them, yet concerned: the owner of an identity that
 * another contact on the page shares with less consent, on whichever list of the account it is; and, under its old
 * fields, a contact that is held because its identity changed but has opted out. The locks of the account's
 * destinations must be held. @returns how many rows were queued for that
 */
export async function clampSharers(connection: Connection, page: Page): Promise<number> {
  // By now what waited under an old identity is replaced.
  await releaseIdentities(connection, page);
  const { rows } = await connection.query<Lowered & { destinationId: number }>(
    `WITH x AS MATERIALIZED (${SHARED}), owners AS (
       SELECT e.id, x.owner AS key, ${most('email')} AS email, ${most('sms')} AS sms
       FROM x JOIN destination e ON e.account_id = (SELECT account_id FROM destination WHERE id = $1)
       CROSS JOIN LATERAL (
         SELECT o.sync_id FROM outbox o WHERE o.destination_id = e.id AND o.key = x.owner
         UNION ALL SELECT c.sync_id FROM contact c WHERE c.destination_id = e.id AND c.key = x.owner
         UNION ALL SELECT r.sync_id FROM batch b JOIN batch_row r ON r.batch_id = b.id
           WHERE b.destination_id = e.id AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND r.key = x.owner
         LIMIT 1
       ) there JOIN sync y ON y.id = there.sync_id AND y.source = x.owner_source
     ), held AS (
       SELECT $1::int AS id, s.key, s.email, s.sms FROM stage s CROSS JOIN LATERAL (
         SELECT 1 FROM rejection h WHERE h.destination_id = $1 AND h.key = s.key AND h.resolved_at IS NULL AND h.sync_id = $2 AND h.code = 'held' LIMIT 1
       ) h
     )
     SELECT id AS "destinationId", key, email, sms FROM owners UNION ALL SELECT * FROM held`,
    [page.destinationId, page.syncId],
  );
  let queued = 0;
  for (const destinationId of new Set(rows.map((row) => row.destinationId))) {
    queued += await lowerConsents(connection, { destinationId, runNo: page.runNo }, rows.filter((row) => row.destinationId === destinationId));
  }
  return queued;
}
