import { transaction, type Connection, type Pool } from './database.js';
import { queueErasures } from './erase.js';
import { lowerConsents } from './lower.js';
import type { StagePage } from './stage.js';

/** Of a sync's contacts, at most this share may go at once without somebody saying so. */
const USUAL_SHARE = 0.2;

/** Whether so many of a sync's contacts may not go without somebody saying so. One alone may, however few there are. */
export const tooMany = (gone: number, held: number): boolean => gone > 1 && gone > held * USUAL_SHARE;

/** More contacts are gone from a source than is believed without asking. Nothing was done about them. */
export class TooManyGone extends Error {
  override readonly name = 'TooManyGone';
  constructor(readonly gone: number, readonly held: number) {
    super(`${gone} of ${held} contacts (${Math.round((100 * gone) / held)} %) are gone from the source: none of them was taken out of the destination`);
  }
}

/** Notes whom a page met, and whom the source marks as deleted, until the run has read to its end. */
export async function noteDepartures(connection: Connection, page: Pick<StagePage, 'runNo' | 'met' | 'rows'>): Promise<void> {
  if (page.met !== undefined && page.met.length > 0) {
    await connection.query('INSERT INTO met (run_no, key) SELECT $1, unnest($2::text[])', [page.runNo, page.met]);
  }
  const departed = page.rows.filter((row) => row.departed === true).map((row) => row.key);
  // Deleted on an earlier page and there again on this one: there.
  const { rows } = await connection.query<{ any: boolean }>('SELECT EXISTS (SELECT 1 FROM departed WHERE run_no = $1) AS any', [page.runNo]);
  if (rows[0]?.any === true) {
    await connection.query('DELETE FROM departed WHERE run_no = $1 AND key = ANY($2)', [page.runNo, page.rows.filter((row) => row.departed !== true).map((row) => row.key)]);
  }
  if (departed.length === 0) return;
  await connection.query('INSERT INTO departed (run_no, key) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING', [page.runNo, departed]);
}

export interface Departures {
  readonly runNo: number;
  readonly syncId: number;
  readonly destinationId: number;
  readonly onDelete: 'optOut' | 'erase';
  /** The run has read everything: whoever is held and was not met is gone. */
  readonly inferred: boolean;
  /** Somebody said that so many may go. */
  readonly allowed: boolean;
}

/** SQL: held by destination $1 for sync $2, or on the way there; erasures apart. */
export const HELD = `
  SELECT c.key FROM contact c WHERE c.destination_id = $1 AND c.sync_id = $2
  UNION SELECT r.key FROM batch b JOIN batch_row r ON r.batch_id = b.id
    WHERE b.destination_id = $1 AND b.action = 0 AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND r.sync_id = $2`;

/** Another run has read it since this one began (a backfill beside a full run): that it was not met says nothing. */
const NEWER = `EXISTS (
  SELECT 1 FROM (
    SELECT r.run_no FROM contact c JOIN batch_row r ON r.batch_id = c.batch_id AND r.ord = c.ord WHERE c.destination_id = $1 AND c.key = h.key
    UNION ALL SELECT r.run_no FROM batch b JOIN batch_row r ON r.batch_id = b.id
      WHERE b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND r.key = h.key
  ) x JOIN run o ON o.no = x.run_no JOIN run me ON me.no = $3
  WHERE o.no <> me.no AND o.kind NOT IN ('optOut', 'erase') AND (o.extracting OR o.extracted_at > me.started_at))`;

/** Nothing of its consent is left to take, so it does not count again as one that has just gone. */
const LEFT_BEFORE = `(EXISTS (SELECT 1 FROM contact c WHERE c.destination_id = $1 AND c.key = h.key AND c.email <> 2 AND c.sms <> 2)
  AND NOT EXISTS (SELECT 1 FROM batch b JOIN batch_row r ON r.batch_id = b.id
    WHERE b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL AND r.key = h.key))`;

/**
 * Queues what follows for contacts that are gone from the source, when a run has read to its end: erasures, or opt-outs.
 * Safe to repeat.
 * @returns how many contacts are gone
 * @throws TooManyGone
 */
export function removeDeparted(pool: Pool, departures: Departures): Promise<number> {
  const { runNo, syncId, destinationId, onDelete, inferred, allowed } = departures;
  return transaction(pool, async (connection) => {
    await connection.query('SELECT pg_advisory_xact_lock(796201, $1)', [destinationId]);
    const { rows } = await connection.query<{ key: string }>(
      // Two joins, and not one condition with OR: each can be hashed, however many they are.
      `WITH held AS MATERIALIZED (${HELD}), gone AS (
         SELECT h.key FROM held h JOIN departed d ON d.run_no = $3 AND d.key = h.key
         ${inferred ? `UNION SELECT h.key FROM held h WHERE NOT EXISTS (SELECT 1 FROM met m WHERE m.run_no = $3 AND m.key = h.key) AND NOT ${NEWER}` : ''}
       )
       SELECT key FROM gone h ${onDelete === 'optOut' ? `WHERE NOT ${LEFT_BEFORE}` : ''}`,
      [destinationId, syncId, runNo],
    );
    if (rows.length === 0) return 0;
    const { rows: all } = await connection.query<{ held: number }>(`SELECT count(*) AS held FROM (${HELD}) h`, [destinationId, syncId]);
    const held = all[0]?.held ?? 0;
    if (!allowed && tooMany(rows.length, held)) throw new TooManyGone(rows.length, held);
    const keys = rows.map((row) => row.key);
    const queued = onDelete === 'erase'
      ? await queueErasures(connection, { destinationId, runNo }, keys)
      : await lowerConsents(connection, { destinationId, runNo }, keys.map((key) => ({ key, email: 1, sms: 1 })));
    await accountFor(connection, runNo, queued);
    return keys.length;
  });
}

/** Writes a page for rows that came from no page of the source. */
export async function accountFor(connection: Connection, runNo: number, queued: number): Promise<void> {
  if (queued === 0) return;
  await connection.query(
    `INSERT INTO page (run_no, no, extracted, invalid, filtered, unchanged, still_rejected, superseded, suppressed, queued)
     SELECT $1, COALESCE(max(no), 0) + 1, $2, 0, 0, 0, 0, 0, 0, $2 FROM page WHERE run_no = $1`,
    [runNo, queued],
  );
}
