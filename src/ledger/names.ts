import type { SourceState } from '../sources/index.js';
import type { Queryable } from './database.js';

/** A sync as the ledger knows it. */
export interface SyncIds {
  readonly syncId: number;
  readonly destinationId: number;
  readonly accountId: number;
}

/**
 * Makes the sync, its destination and its account known and returns their ids.
 * Every sync that is not in `configured` is marked retired, so that its contacts may pass to another.
 * @param names.configHash of what the destination is configured to be; a new one clears its witness
 */
export async function ensureSync(
  db: Queryable,
  names: { sync: string; source: string; destination: string; account: string; configHash: string; configured: readonly string[] },
): Promise<SyncIds> {
  const { rows } = await db.query<SyncIds>(
    `WITH a AS (
       INSERT INTO account (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
     ), d AS (
       INSERT INTO destination (name, account_id, config_hash) SELECT $2, a.id, $3 FROM a
       ON CONFLICT (name) DO UPDATE SET account_id = excluded.account_id, config_hash = excluded.config_hash,
         witness_at = CASE WHEN destination.config_hash = excluded.config_hash THEN destination.witness_at ELSE '-infinity' END
       RETURNING id, account_id
     )
     INSERT INTO sync (name, source, destination_id) SELECT $4, $5, d.id FROM d
     ON CONFLICT (name) DO UPDATE SET source = excluded.source, destination_id = excluded.destination_id, retired = false
     RETURNING id AS "syncId", destination_id AS "destinationId", (SELECT account_id FROM d) AS "accountId"`,
    [names.account, names.destination, names.configHash, names.sync, names.source],
  );
  await db.query('UPDATE sync SET retired = true WHERE NOT retired AND NOT (name = ANY($1))', [names.configured]);
  return rows[0] as SyncIds;
}

/** A sync as the ledger has it, without making anything known to it. Ids are null where it knows none. */
export interface SyncStanding {
  readonly syncId: number | null;
  readonly destinationId: number | null;
  readonly accountId: number | null;
  /** What the last complete run left. */
  readonly state: SourceState | null;
  /** Hash of the mapping of the last complete run. */
  readonly configHash: string | null;
}

/** How a sync of the configuration stands, by its names. */
export async function findSync(db: Queryable, names: { readonly sync: string; readonly destination: string; readonly account: string }): Promise<SyncStanding> {
  const { rows } = await db.query<SyncStanding>(
    `SELECT s.id AS "syncId", s.state, s.config_hash AS "configHash", (SELECT id FROM destination WHERE name = $2) AS "destinationId",
       (SELECT id FROM account WHERE name = $3) AS "accountId"
     FROM (VALUES (1)) one LEFT JOIN sync s ON s.name = $1`,
    [names.sync, names.destination, names.account],
  );
  return rows[0] as SyncStanding;
}
