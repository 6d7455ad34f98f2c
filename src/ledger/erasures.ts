import type { Queryable } from './database.js';
import type { RunStatus } from './documents.js';

/** One erasure of a contact at a destination, with the run that carries it. */
export interface Erasure {
  readonly sync: string;
  readonly destination: string;
  readonly account: string;
  readonly run: string;
  readonly status: RunStatus;
  /** Why the destination did not erase the contact, in its words; null: it did, or has not answered yet. */
  readonly refusal: string | null;
}

/** The last erasure of a contact of a source at each destination, under way or done; also when its key is gone from the ledger. */
export async function erasuresOf(db: Queryable, source: string, key: string): Promise<readonly Erasure[]> {
  const { rows } = await db.query<Erasure>(
    `WITH rows AS (
       SELECT o.sync_id, o.run_no FROM sync y JOIN outbox o ON o.destination_id = y.destination_id AND o.sync_id = y.id
         WHERE y.source = $1 AND o.key = $2 AND o.action = 1
       UNION SELECT r.sync_id, r.run_no FROM batch_row r JOIN batch b ON b.id = r.batch_id
         WHERE r.key IN ($2, 'erased:' || encode(keyed($2), 'hex')) AND b.action = 1
     )
     SELECT DISTINCT ON (y.id) y.name AS sync, d.name AS destination, a.name AS account, r.id AS run, r.status,
       (SELECT z.reason FROM rejection z WHERE z.run_no = r.no AND z.sync_id = y.id AND z.action = 1 AND z.key IN ($2, 'erased:' || encode(keyed($2), 'hex'))
        ORDER BY z.id DESC LIMIT 1) AS refusal
     FROM rows x JOIN sync y ON y.id = x.sync_id JOIN destination d ON d.id = y.destination_id JOIN account a ON a.id = d.account_id JOIN run r ON r.no = x.run_no
     WHERE y.source = $1 ORDER BY y.id, r.no DESC`,
    [source, key],
  );
  return rows;
}
