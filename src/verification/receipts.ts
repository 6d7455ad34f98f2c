import { ACTION, CONSENT, type FoundContact } from '../destinations/index.js';
import type { Queryable, ReceiptCheck } from '../ledger/index.js';
import type { Verification, VerifyInput } from './types.js';
import { compareSides } from './verify.js';
import { atWorkbench } from './workbench.js';

/** Contacts a page. */
const PAGE = 5000;

/**
 * Verifies a destination that cannot be read at all, by what it said of each batch: the source side is compared with
 * what the ledger holds of the batches whose result came (see `verifyAudience`), and each receipt's sum with the rows
 * its batch delivered. No call is made. A receipt that counts other than was delivered fails the verdict; batches
 * settled without one are counted.
 *
 * `against: 'ledger'` compares the ledger with itself, so only the receipts are checked then; the document says so.
 *
 * Close the result. On an error or an abort nothing is left behind.
 * @throws what the source side throws, the signal's reason, or the database's error
 */
export function verifyReceipts(input: Omit<VerifyInput, 'found'>): Promise<Verification> {
  return atWorkbench(input, async (bench) => {
    const { pool, destinationId, syncId } = input;
    const document = await compareSides(bench, { ...input, found: confirmed(pool, destinationId, syncId) });
    const receipts = await checkReceipts(bench.connection, destinationId);
    const wrong = receipts.mismatched;
    return {
      ...document, method: 'receipts', receipts, verdict: wrong > 0 ? 'fail' : document.verdict,
      ...(wrong > 0 ? { faults: [`${wrong} of ${receipts.batches} batches have a receipt that counts other than was delivered`] } : {}),
      ...(input.against === 'ledger' ? { notices: ['both sides are the ledger: only the receipts were checked'] } : {}),
    };
  });
}

interface Row {
  readonly key: string;
  readonly locale: string | null;
  readonly email: number;
  readonly sms: number;
  readonly fields: string | null;
  readonly confirmed: boolean;
}

/** The contacts of a sync as the platform confirmed them: delivered by a batch that is settled. */
export async function* confirmed(db: Queryable, destinationId: number, syncId: number): AsyncGenerator<readonly FoundContact[]> {
  for (let after = ''; ; ) {
    const { rows } = await db.query<Row>({
      name: 'verification-confirmed',
      text: `SELECT c.key, c.locale, c.email, c.sms, r.fields, COALESCE(b.status = 'settled' AND b.action <> $5, false) AS confirmed
        FROM (SELECT * FROM contact WHERE destination_id = $1 AND key > $2 AND sync_id = $3 ORDER BY key LIMIT $4) c
        LEFT JOIN batch_row r ON r.batch_id = c.batch_id AND r.ord = c.ord
        LEFT JOIN batch b ON b.id = c.batch_id
        ORDER BY c.key`,
      values: [destinationId, after, syncId, PAGE, ACTION.erase],
    });
    yield rows.filter((row) => row.confirmed && row.fields !== null).map((row) => ({
      key: row.key, locale: row.locale, fields: row.fields as string,
      optedIn: row.email === CONSENT.granted,
      ...(row.sms === CONSENT.unmapped ? {} : { smsOptedIn: row.sms === CONSENT.granted }),
    }));
    if (rows.length < PAGE) return;
    after = (rows.at(-1) as Row).key;
  }
}

/** Holds what the platform counted of each settled batch of a destination against what the ledger holds as delivered by it. */
export async function checkReceipts(db: Queryable, destinationId: number): Promise<ReceiptCheck> {
  const { rows } = await db.query<ReceiptCheck>(
    `WITH settled AS (
       SELECT b.receipt, (SELECT count(*) FROM batch_row r WHERE r.batch_id = b.id AND (r.outcome IS NULL OR r.outcome = 1)) AS delivered
       FROM batch b WHERE b.destination_id = $1 AND b.action = $2 AND b.status = 'settled'
         -- Of a call whose rows were pruned nothing can be counted any more.
         AND b.rows = (SELECT count(*) FROM batch_row x WHERE x.batch_id = b.id)
     )
     SELECT count(*) AS batches, COALESCE(sum(delivered), 0)::bigint AS contacts, count(*) FILTER (WHERE receipt IS NULL) AS "withoutReceipt",
       count(*) FILTER (WHERE receipt IS NOT NULL
         AND COALESCE((receipt ->> 'inserted')::bigint, 0) + COALESCE((receipt ->> 'updated')::bigint, 0) <> delivered) AS mismatched
     FROM settled WHERE delivered > 0 OR receipt IS NOT NULL`,
    [destinationId, ACTION.upsert],
  );
  return rows[0] as ReceiptCheck;
}
