import type { Connection } from './database.js';

/** Which rows go back to the outbox, and as what. */
export interface Back {
  /** null: every row that has no outcome yet. */
  readonly ords: readonly number[] | null;
  readonly fromOrds: readonly number[];
  readonly bundles: readonly (number | null)[];
  readonly spent: number;
  /** As new contacts: with their consent, under their own key. */
  readonly anew: boolean;
  /** They arrived while another version was under way: they go once more when that one has ended. */
  readonly crossed?: boolean;
}

/** Moves rows of a batch back to the outbox. One that something newer replaced, or took its key from, is overtaken. */
export async function putBack(connection: Connection, batchId: number, back: Back): Promise<void> {
  await connection.query(
    `WITH parts AS (
       SELECT ord AS from_ord, lead(ord) OVER (ORDER BY ord) AS to_ord, bundle FROM unnest($2::int[], $3::bigint[]) AS p (ord, bundle)
     ), ba AS (
       SELECT b.action, COALESCE(w.id, b.kind) AS kind FROM batch b JOIN kind k ON k.id = b.kind
       LEFT JOIN kind w ON $6::boolean AND w.destination_id = k.destination_id AND w.action = k.action AND w.shape = k.shape AND w.form = 0
       WHERE b.id = $1
     ), r AS MATERIALIZED (
       UPDATE batch_row br SET outcome = 3 WHERE br.batch_id = $1 AND br.outcome IS NULL AND ($5::int[] IS NULL OR br.ord = ANY($5)) RETURNING br.*
     ), crossing AS MATERIALIZED (
       -- Opt-outs that went beside these rows, and are newer.
       SELECT f.key FROM batch_row s JOIN batch fb ON fb.destination_id = s.destination_id AND fb.id <> $1 AND fb.status IN ('sending', 'accepted', 'unknown')
       JOIN batch_row f ON f.batch_id = fb.id AND f.crossed AND f.outcome IS NULL WHERE s.batch_id = $1 AND s.ord = 0
     ), back AS (
       INSERT INTO outbox (destination_id, key, seq, version, bundle, sync_id, run_no, attempts, priority, action, email, sms, known, fp, locale, fields,
         kind, identity, previous_key, consent_at, address, behind, crossed, staged_at)
       SELECT r.destination_id, r.key, r.seq, r.version, p.bundle, r.sync_id, r.run_no, r.attempts + $4, r.priority,
         ba.action, r.email, r.sms, r.known AND NOT $6, r.fp, r.locale, r.fields, ba.kind, r.identity, CASE WHEN NOT $6 THEN r.previous_key END,
         r.consent_at, r.address, $7 OR r.crossed IS TRUE, $7, COALESCE(r.staged_at, clock_timestamp())
       FROM ba, r JOIN parts p ON r.ord >= p.from_ord AND (p.to_ord IS NULL OR r.ord < p.to_ord)
       WHERE NOT EXISTS (SELECT 1 FROM outbox n WHERE n.destination_id = r.destination_id AND n.previous_key = r.key)
         AND r.key NOT IN (SELECT key FROM crossing)
         -- Refused beside it, a newer wish stands among the rejections: what is older must not come after it.
         AND NOT EXISTS (SELECT 1 FROM rejection y WHERE y.destination_id = r.destination_id AND y.key = r.key AND y.resolved_at IS NULL
           AND y.sync_id = r.sync_id AND y.batch_id IS NOT NULL AND y.batch_id <> $1 AND y.version >= r.version)
       ON CONFLICT (destination_id, key) DO UPDATE SET priority = LEAST(outbox.priority, excluded.priority)
       RETURNING key, (xmax = 0) AS inserted
     ), lost AS (
       INSERT INTO overtaken (destination_id, key, run_no, version, batch_id, reason)
       SELECT r.destination_id, r.key, r.run_no, r.version, $1, 'a newer version came while it was under way'
       FROM r LEFT JOIN back ON back.key = r.key WHERE back.inserted IS NOT TRUE
     )
     UPDATE batch_run b SET returned = b.returned + n.count
     FROM (SELECT run_no, count(*) AS count FROM r GROUP BY run_no) n WHERE b.batch_id = $1 AND b.run_no = n.run_no`,
    [batchId, back.fromOrds, back.bundles, back.spent, back.ords, back.anew, back.crossed ?? false],
  );
}

/** Puts rows back whose contact is not there after all: they go as new contacts, with everything. */
export async function sendAnew(connection: Connection, batchId: number, ords: readonly number[]): Promise<void> {
  await connection.query(
    `DELETE FROM contact c USING batch_row r
     WHERE r.batch_id = $1 AND r.ord = ANY($2) AND r.outcome IS NULL AND c.destination_id = r.destination_id AND c.key = COALESCE(r.previous_key, r.key)`,
    [batchId, ords],
  );
  await putBack(connection, batchId, { ords, fromOrds: [0], bundles: [null], spent: 0, anew: true });
}
