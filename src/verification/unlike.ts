import type { Destination } from '../destinations/index.js';
import type { Connection } from '../ledger/index.js';
import { localeOrNull } from './values.js';

/** Pairs compared at a time: bounds memory, whatever share of the contacts looks different. */
const STEP = 1000;

interface Unlike {
  readonly id: number;
  readonly key: string;
  readonly found_locale: string;
  readonly wants_in: boolean | null;
  readonly is_in: boolean;
  readonly wants_sms: boolean | null;
  readonly is_sms: boolean | null;
  readonly expected: string;
  readonly found: string;
}

/**
 * Asks the destination about every pair whose texts differ, and keeps those that really do, with the fields' names.
 * The destination alone decides: it knows which fields it compares and how it writes the same value.
 */
export async function compareUnlike(
  connection: Connection,
  compare: Destination['compare'],
  signal: AbortSignal,
  onStep: () => void,
): Promise<void> {
  await connection.query(`CREATE INDEX ON pair (id) WHERE kind = 'unlike'`);
  for (let after = 0; ; ) {
    signal.throwIfAborted();
    const { rows } = await connection.query<Unlike>(
      `SELECT p.id, p.key, p.found_locale, p.wants_in, p.is_in, p.wants_sms, p.is_sms, e.fields AS expected, f.fields AS found
       FROM (SELECT * FROM pair WHERE kind = 'unlike' AND id > $1 ORDER BY id LIMIT ${STEP}) p
       JOIN expected e ON e.ctid = p.at_expected JOIN found f ON f.ctid = p.at_found ORDER BY p.id`,
      [after],
    );
    if (rows.length === 0) return;
    const pairs: number[] = [];
    const names: string[] = [];
    for (const row of rows) {
      const differing = compare(
        { fields: row.expected, optedIn: row.wants_in, smsOptedIn: row.wants_sms },
        { key: row.key, locale: localeOrNull(row.found_locale), optedIn: row.is_in, fields: row.found, ...(row.is_sms === null ? {} : { smsOptedIn: row.is_sms }) },
      );
      if (differing.length === 0) continue;
      pairs.push(row.id);
      names.push(JSON.stringify(differing));
    }
    if (pairs.length > 0) {
      await connection.query(
        `INSERT INTO differing SELECT pair, ARRAY(SELECT jsonb_array_elements_text(names::jsonb))
         FROM unnest($1::bigint[], $2::text[]) AS d (pair, names)`,
        [pairs, names],
      );
    }
    after = (rows.at(-1) as Unlike).id;
    onStep();
  }
}
