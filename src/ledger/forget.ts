import { transaction, type Connection, type Pool, type Queryable } from './database.js';
import { accountFor } from './departures.js';
import { queueErasures } from './erase.js';
import { openSilentRun } from './opt-outs.js';
import { isoTime } from './reports.js';

/** What was begun for one person. */
export interface Forgetting {
  /** Destinations the contact is being erased from, with the run that carries it. */
  readonly erasures: readonly { readonly sync: string; readonly destination: string; readonly account: string; readonly run: string }[];
  /** Whether the ledger knew anything of the contact. */
  readonly known: boolean;
}

interface Fed {
  readonly id: number;
  readonly name: string;
  readonly source: string;
  readonly destinationId: number;
  readonly destination: string;
  readonly account: string;
}

/**
 * Begins to forget a person: erasures go first into every destination that holds them for this source, what waits for
 * them is dropped, and a tombstone keeps them from coming back, by key and by address. Payloads leave this ledger with
 * the next purge; the last of them when the erasures have arrived. Safe to repeat.
 */
export function forget(pool: Pool, sync: string, key: string): Promise<Forgetting> {
  return transaction(pool, async (connection) => {
    await connection.query('SELECT pg_advisory_xact_lock(796201, d.id) FROM (SELECT id FROM destination ORDER BY id OFFSET 0) d');
    const { rows: fed } = await connection.query<Fed>(
      `SELECT y.id, y.name, y.source, d.id AS "destinationId", d.name AS destination, a.name AS account FROM sync s JOIN sync y ON y.source = s.source
       JOIN destination d ON d.id = y.destination_id JOIN account a ON a.id = d.account_id WHERE s.name = $1 ORDER BY y.id`,
      [sync],
    );
    const [first] = fed;
    if (first === undefined) return { erasures: [], known: false };
    const address = await addressOf(connection, fed.map((one) => one.id), key);
    await connection.query(
      `INSERT INTO tombstone (source, key, address, plain, reason) VALUES ($1, keyed($2), $3, $2, 'forgotten on request')
       ON CONFLICT (source, key) DO UPDATE SET address = COALESCE(excluded.address, tombstone.address), plain = excluded.plain, reason = excluded.reason,
         lifted_at = NULL, at = clock_timestamp()`,
      [first.source, key, address.address],
    );
    const erasures: { sync: string; destination: string; account: string; run: string }[] = [];
    for (const { id, name, destinationId, destination, account } of fed) {
      const run = await eraseFrom(connection, id, destinationId, key);
      if (run !== null) erasures.push({ sync: name, destination, account, run });
    }
    return { erasures, known: address.known };
  });
}

/** By what address the contact was known last. */
async function addressOf(connection: Connection, syncIds: readonly number[], key: string): Promise<{ readonly known: boolean; readonly address: Buffer | null }> {
  const { rows } = await connection.query<{ address: Buffer | null }>(
    `SELECT address FROM (
       SELECT address, version FROM outbox WHERE sync_id = ANY($1) AND key = $2
       UNION ALL SELECT address, version FROM batch_row WHERE sync_id = ANY($1) AND key = $2
       UNION ALL SELECT address, version FROM rejection WHERE sync_id = ANY($1) AND key = $2
     ) x ORDER BY address IS NULL, version DESC NULLS LAST LIMIT 1`,
    [syncIds, key],
  );
  return { known: rows.length > 0, address: rows[0]?.address ?? null };
}

async function eraseFrom(connection: Connection, syncId: number, destinationId: number, key: string): Promise<string | null> {
  const owned = await connection.query(
    `SELECT 1 FROM contact c WHERE c.destination_id = $1 AND c.sync_id = $2 AND c.key = $3
     UNION ALL SELECT 1 FROM batch b JOIN batch_row r ON r.batch_id = b.id WHERE b.destination_id = $1 AND b.status IN ('sending', 'accepted', 'unknown')
       AND r.outcome IS NULL AND r.sync_id = $2 AND r.key = $3`,
    [destinationId, syncId, key],
  );
  const runNo = owned.rows.length === 0 ? null : await openSilentRun(connection, syncId, 'erase');
  const queued = runNo === null ? 0 : await queueErasures(connection, { destinationId, runNo }, [key]);
  // Never sent: nothing to erase there.
  await connection.query(
    `WITH gone AS (DELETE FROM outbox o WHERE o.destination_id = $1 AND o.sync_id = $2 AND o.key = $3 AND o.action = 0 RETURNING o.key, o.run_no, o.version)
     INSERT INTO overtaken (destination_id, key, run_no, version, reason) SELECT $1, key, run_no, version, 'forgotten on request' FROM gone`,
    [destinationId, syncId, key],
  );
  if (runNo === null) return null;
  if (queued === 0) {
    await connection.query('DELETE FROM run WHERE no = $1', [runNo]);
    return null;
  }
  await accountFor(connection, runNo, queued);
  return ((await connection.query<{ id: string }>('SELECT id FROM run WHERE no = $1', [runNo])).rows[0] as { id: string }).id;
}

/** When a contact of a source was erased, and whether the ledger still holds traces of it; undefined: it was not. */
export async function erasedContact(db: Queryable, source: string, key: string): Promise<{ readonly at: string; readonly reason: string; readonly clean: boolean } | undefined> {
  const { rows } = await db.query<{ at: string; reason: string; clean: boolean }>(
    `SELECT ${isoTime('at')} AS at, reason, plain IS NULL AS clean FROM tombstone WHERE source = $1 AND key = keyed($2) AND lifted_at IS NULL`, [source, key]);
  return rows[0];
}
