import type { Connection } from './database.js';

/** Whether some rows of the destination go without their consent. */
export async function separates(connection: Connection, destinationId: number): Promise<boolean> {
  const { rows } = await connection.query<{ yes: boolean }>('SELECT EXISTS (SELECT 1 FROM kind WHERE destination_id = $1 AND form <> 0) AS yes', [destinationId]);
  return rows[0]?.yes ?? false;
}

/**
 * Rows that were staged while this batch was under way are given the form that fits what the destination holds now.
 * A row that waits behind another is not claimed before that one is settled, so nobody has used the old form.
 */
export async function reform(connection: Connection, batchId: number): Promise<void> {
  await connection.query(
    `WITH n AS (
       SELECT o.ctid AS place, k.destination_id, k.action, k.shape, o.previous_key IS NOT NULL AND c.key IS NULL AS renames,
         -- Where a call ended without an answer, nobody knows which consent the destination has now.
         COALESCE((COALESCE(c.email, p.email), COALESCE(c.sms, p.sms)) = (o.email, o.sms) AND NOT COALESCE(c.unsure, p.unsure), false)
           AND EXISTS (SELECT 1 FROM kind s WHERE s.destination_id = o.destination_id AND s.form = 1) AS same,
         c.key IS NOT NULL AS known
       FROM batch_row r CROSS JOIN LATERAL (
         -- Each by its own index, whatever the planner believes of the queue's size.
         (SELECT x.ctid, x.* FROM outbox x WHERE x.destination_id = r.destination_id AND x.key = r.key AND x.behind LIMIT 1)
         UNION ALL
         (SELECT x.ctid, x.* FROM outbox x WHERE x.destination_id = r.destination_id AND x.previous_key = r.key AND x.behind LIMIT 1)
       ) o
       JOIN kind k ON k.id = o.kind
       LEFT JOIN contact c ON c.destination_id = o.destination_id AND c.key = o.key
       LEFT JOIN contact p ON p.destination_id = o.destination_id AND p.key = o.previous_key AND c.key IS NULL
       WHERE r.batch_id = $1
     )
     UPDATE outbox o SET kind = k.id, known = n.known, previous_key = CASE WHEN n.renames THEN o.previous_key END FROM n JOIN kind k ON k.destination_id = n.destination_id AND k.action = n.action AND k.shape = n.shape
       AND k.form = CASE WHEN n.action = 1 THEN 0 ELSE CASE WHEN n.renames THEN 2 ELSE 0 END + CASE WHEN n.same THEN 1 ELSE 0 END END
     WHERE o.ctid = n.place`,
    [batchId],
  );
}
