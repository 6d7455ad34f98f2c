import { transaction, type Pool, type Queryable } from './database.js';
import { isoTime } from './reports.js';

/** An opt-out that holds against the source, as it is shown: addresses are kept hashed and cannot be. */
export interface SuppressionDocument {
  readonly id: number;
  /** Where it was learned; null: by hand, for every destination. */
  readonly destination: string | null;
  readonly channel: 'email' | 'sms';
  /** null: it is held by the address alone. */
  readonly key: string | null;
  /** When the person did it, at the latest; null: not known, so no consent of the source is newer. */
  readonly at: string | null;
  readonly origin: 'webhook' | 'read' | 'hand';
  readonly reason: string;
  readonly learnedAt: string;
}

/** Whose opt-outs are meant; what is not given is not looked at. */
export interface SuppressionFilter {
  readonly destination?: string;
  readonly key?: string;
  readonly email?: string;
  readonly channel?: 'email' | 'sms';
}

const MATCHES = `s.lifted_at IS NULL AND ($1::text IS NULL OR d.name = $1 OR s.destination_id IS NULL)
  AND (($2::text IS NULL AND $3::text IS NULL) OR s.key = $2 OR s.address = keyed(lower($3)))
  AND ($4::smallint IS NULL OR s.channel = $4)`;

const valuesOf = ({ destination, key, email, channel }: SuppressionFilter): unknown[] => [
  destination ?? null, key ?? null, email ?? null, channel === undefined ? null : channel === 'email' ? 0 : 1,
];

/** The opt-outs that hold, newest first, and how many there are. */
export async function listSuppressions(db: Queryable, filter: SuppressionFilter, limit: number): Promise<{ readonly suppressions: readonly SuppressionDocument[]; readonly total: number }> {
  const from = `FROM suppression s LEFT JOIN destination d ON d.id = s.destination_id WHERE ${MATCHES}`;
  const { rows } = await db.query<SuppressionDocument>(
    `SELECT s.id, d.name AS destination, CASE s.channel WHEN 0 THEN 'email' ELSE 'sms' END AS channel, s.key, ${isoTime('s.at')} AS at, s.origin, s.reason,
       ${isoTime('s.learned_at')} AS "learnedAt" ${from} ORDER BY s.learned_at DESC, s.id DESC LIMIT $5`,
    [...valuesOf(filter), limit],
  );
  const total = await db.query<{ total: number }>(`SELECT count(*) AS total ${from}`, valuesOf(filter));
  return { suppressions: rows, total: total.rows[0]?.total ?? 0 };
}

/**
 * Lets somebody back in: from here on the source's consent counts again, until a later opt-out. Opt-outs learned of the
 * same address are lifted with those of a key, and an erased contact of that key may come again.
 * @returns how many were lifted
 */
export function liftSuppressions(pool: Pool, filter: SuppressionFilter, source: string | null): Promise<number> {
  return transaction(pool, async (connection) => {
    const { rowCount } = await connection.query(
      `WITH meant AS (
         SELECT s.id, s.address, s.channel FROM suppression s LEFT JOIN destination d ON d.id = s.destination_id WHERE ${MATCHES}
       ), whole AS (
         SELECT id FROM meant UNION SELECT s.id FROM suppression s JOIN meant m ON m.address = s.address AND m.channel = s.channel WHERE s.lifted_at IS NULL
       )
       UPDATE suppression s SET lifted_at = clock_timestamp(), lifted_by = 'hand' FROM whole w WHERE s.id = w.id`,
      valuesOf(filter),
    );
    const stones = await connection.query(
      `UPDATE tombstone SET lifted_at = clock_timestamp()
       WHERE lifted_at IS NULL AND plain IS NULL AND ((source = $1 AND key = keyed($2)) OR address = keyed(lower($3)))`,
      [source, filter.key ?? null, filter.email ?? null],
    );
    return (rowCount ?? 0) + (stones.rowCount ?? 0);
  });
}
