import type { Queryable } from './database.js';
import type { SuppressionFilter } from './suppressions.js';

/**
 * How many contacts an opt-out concerns, each once a destination: by key where one is given with its destination, by
 * address anywhere. Contacts that never consented are among them.
 */
export async function contactsReached(db: Queryable, { destination, key, email }: Pick<SuppressionFilter, 'destination' | 'key' | 'email'>): Promise<number> {
  const { rows } = await db.query<{ reached: number }>(
    `WITH d AS (SELECT id FROM destination WHERE name = $1), a AS (SELECT keyed(lower($3::text)) AS address)
     SELECT count(*) AS reached FROM (
       SELECT c.destination_id, c.key FROM d JOIN contact c ON c.destination_id = d.id AND c.key = $2
       UNION SELECT o.destination_id, o.key FROM d JOIN outbox o ON o.destination_id = d.id AND o.key = $2
       UNION SELECT o.destination_id, o.key FROM a JOIN outbox o ON o.address = a.address
       UNION SELECT r.destination_id, r.key FROM batch b JOIN batch_row r ON r.batch_id = b.id
         WHERE b.status IN ('sending', 'accepted', 'unknown') AND r.outcome IS NULL
           AND ((r.destination_id = (SELECT id FROM d) AND r.key = $2) OR r.address = (SELECT address FROM a))
       UNION SELECT c.destination_id, c.key FROM batch_row r
         JOIN contact c ON c.destination_id = r.destination_id AND c.key = r.key AND c.batch_id = r.batch_id AND c.ord = r.ord
         WHERE r.address = (SELECT address FROM a)
     ) x`,
    [destination ?? null, key ?? null, email ?? null],
  );
  return rows[0]?.reached ?? 0;
}
