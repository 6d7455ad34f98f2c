import type { Connection, Difference } from '../ledger/index.js';
import { shown } from './values.js';

/** Differences fetched at a time. */
const STEP = 500;

/** Lists what differs, ready to be paged through: by locale (`none` last), kind and key. */
export const LIST_DIFFERENCES = `
CREATE TEMP TABLE listed AS
SELECT row_number() OVER (ORDER BY locale = 'none', locale COLLATE "C", array_position('{missing,unexpected,different}', kind), key) AS id,
  row_number() OVER (PARTITION BY locale, kind ORDER BY key) AS rank, d.*
FROM (
  SELECT CASE kind WHEN 'unexpected' THEN found_locale ELSE expected_locale END AS locale,
    CASE kind WHEN 'unlike' THEN 'different' ELSE kind END AS kind,
    key, wanted, there, wants_in, is_in, wants_sms, is_sms, erased, expected_locale, found_locale, at_expected, at_found, names
  FROM pair LEFT JOIN differing ON differing.pair = pair.id
  WHERE kind IN ('missing', 'unexpected', 'different') OR names IS NOT NULL
) d;
CREATE UNIQUE INDEX ON listed (id)`;

interface Row {
  readonly id: number;
  readonly key: string;
  readonly locale: string;
  readonly kind: Difference['kind'];
  readonly wanted: boolean;
  readonly there: boolean;
  readonly wants_in: boolean | null;
  readonly is_in: boolean;
  readonly wants_sms: boolean | null;
  readonly is_sms: boolean | null;
  readonly erased: boolean;
  readonly expected_locale: string | null;
  readonly found_locale: string | null;
  readonly names: readonly string[] | null;
  readonly expected: string | null;
  readonly found: string | null;
  readonly code: string | null;
  readonly reason: string | null;
}

/** Why a contact differs, in words: its open rejection first, because that is what a person can act on. */
export function why(row: Omit<Row, 'id' | 'key' | 'locale' | 'expected' | 'found' | 'expected_locale' | 'found_locale' | 'wants_sms' | 'is_sms'>): string {
  if (row.code !== null) return `${row.code === 'invalid' ? 'invalid' : 'rejected'}: ${row.reason ?? row.code}`;
  if (row.kind === 'missing') {
    if (row.there) return 'there, but not opted in';
    return row.wants_in === false ? 'delivered before, no longer there' : 'not there';
  }
  if (row.kind === 'unexpected') {
    if (row.wanted) return 'opted in there, but not at the source';
    return row.erased ? 'erased, but still there' : 'gone from the source, or held back by the filter';
  }
  return row.names === null ? 'as read from the source it cannot be sent' : `differs in ${row.names.join(', ')}`;
}

/**
 * Pages through the differences.
 * @param limit at most so many a locale and kind; null: all
 */
export async function* readDifferences(connection: Connection, syncId: number, destinationId: number, limit: number | null): AsyncGenerator<Difference> {
  for (let after = 0; ; ) {
    const { rows } = await connection.query<Row>(
      `SELECT d.*, e.fields AS expected, f.fields AS found, x.code, x.reason
       FROM (SELECT * FROM listed WHERE id > $1 AND ($2::bigint IS NULL OR rank <= $2) ORDER BY id LIMIT ${STEP}) d
       LEFT JOIN expected e ON e.ctid = d.at_expected
       LEFT JOIN found f ON f.ctid = d.at_found
       LEFT JOIN LATERAL (
         SELECT r.code, r.reason FROM rejection r
         WHERE r.destination_id = $3 AND r.key = d.key AND r.sync_id = $4 AND r.resolved_at IS NULL ORDER BY r.id DESC LIMIT 1
       ) x ON true
       ORDER BY d.id`,
      [after, limit, destinationId, syncId],
    );
    for (const row of rows) {
      yield {
        key: row.key,
        locale: row.locale,
        kind: row.kind,
        why: why(row),
        expected: row.wanted ? shown(row.expected, row.expected_locale, row.wants_in, row.is_sms === null ? null : row.wants_sms) : null,
        found: row.there ? shown(row.found, row.found_locale, row.is_in, row.is_sms) : null,
      };
    }
    if (rows.length < STEP) return;
    after = (rows.at(-1) as Row).id;
  }
}
