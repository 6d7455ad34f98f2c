import type { Connection } from './database.js';

/**
 * A part of a refused call was accepted. Where that leaves one part unsent, and all others were accepted, the fault lies in
 * that one: it is halved at once, and the call that would only have told the same is never made. A single row is sent all
 * the same: nobody is rejected on an inference, and the platform's reason is wanted. It happens with the settlement, or the
 * other part would leave in between; the destination's lock must be held.
 */
export async function inferFault(connection: Connection, bundle: number): Promise<void> {
  const { rows } = await connection.query<{ id: number; size: number; destination: number; clean: boolean }>(
    `WITH part AS (SELECT id, destination_id FROM bundle WHERE split_of = (SELECT split_of FROM bundle WHERE id = $1))
     SELECT p.id, p.destination_id AS destination,
       (SELECT count(*) FROM outbox o WHERE o.destination_id = p.destination_id AND o.bundle = p.id) AS size,
       COALESCE((SELECT bool_and(b.status IN ('accepted', 'settled')
           AND NOT EXISTS (SELECT 1 FROM batch_run br WHERE br.batch_id = b.id AND (br.rejected > 0 OR br.returned > 0)))
         FROM batch b WHERE b.bundle = p.id), false) AS clean
     FROM part p`,
    [bundle],
  );
  const left = rows.filter((part) => !part.clean);
  const [faulty] = left;
  if (faulty === undefined || left.length > 1 || faulty.size < 2) return;
  await connection.query(
    // The parts of an inferred split have no refused call of their own: its mark is the bundle's id, below zero.
    `WITH o AS (
       SELECT ctid AS place, row_number() OVER (ORDER BY seq) AS n, count(*) OVER () AS size FROM (
         SELECT ctid, seq FROM outbox WHERE destination_id = $2 AND bundle = $1 FOR UPDATE) x
     ), second AS (
       INSERT INTO bundle (destination_id, root_at, tries, split_of) SELECT destination_id, root_at, 0, -id FROM bundle WHERE id = $1 RETURNING id
     ), first AS (
       UPDATE bundle SET split_of = -id, made_at = clock_timestamp() WHERE id = $1
     )
     UPDATE outbox t SET bundle = second.id FROM o, second WHERE t.ctid = o.place AND o.n > (o.size + 1) / 2`,
    [faulty.id, faulty.destination],
  );
}
