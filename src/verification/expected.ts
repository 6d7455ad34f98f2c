import { ACTION, CONSENT } from '../destinations/index.js';
import type { Queryable } from '../ledger/index.js';
import type { ExpectedContact } from './types.js';

/** Contacts a page. */
const PAGE = 5000;

interface Row {
  readonly key: string;
  readonly locale: string | null;
  readonly email: number;
  readonly sms: number;
  readonly fields: string;
}

/** Whether that consent is an opt-in; null: the channel is not mapped. */
export function consentOf(code: number): boolean | null {
  return code === CONSENT.unmapped ? null : code === CONSENT.granted;
}

/**
 * What the ledger knows the destination to hold of a sync: the last delivered state of each contact, page by page.
 * Erased contacts are not expected.
 * Where a contact was sent without consent, `optedIn` is null: the destination's own stands.
 * @param mapped false where the sync maps no e-mail (SMS) consent any more: then that holds for every contact
 */
export async function* expectedFromLedger(
  db: Queryable,
  destinationId: number,
  syncId: number,
  mapped: { readonly email: boolean; readonly sms: boolean } = { email: true, sms: true },
): AsyncGenerator<readonly ExpectedContact[]> {
  for (let after = ''; ; ) {
    // The page is cut before the join: a delivering row that is gone must not end the reading.
    const { rows } = await db.query<Row & { erased: boolean }>({
      name: 'verification-expected',
      text: `SELECT c.key, c.locale, c.email, c.sms, COALESCE(r.fields, '{}') AS fields, COALESCE(b.action = $5, false) AS erased
        FROM (SELECT * FROM contact WHERE destination_id = $1 AND key > $2 AND sync_id = $3 ORDER BY key LIMIT $4) c
        LEFT JOIN batch_row r ON r.batch_id = c.batch_id AND r.ord = c.ord
        LEFT JOIN batch b ON b.id = c.batch_id
        ORDER BY c.key`,
      values: [destinationId, after, syncId, PAGE, ACTION.erase],
    });
    if (rows.length === 0) return;
    yield rows.filter((row) => !row.erased).map((row) => ({
      key: row.key,
      locale: row.locale,
      optedIn: mapped.email ? consentOf(row.email) : null,
      smsOptedIn: mapped.sms ? consentOf(row.sms) : null,
      fields: row.fields,
    }));
    if (rows.length < PAGE) return;
    after = (rows.at(-1) as Row).key;
  }
}
