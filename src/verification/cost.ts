import type { Queryable } from '../ledger/index.js';
import { sampleSize } from './sampling.js';

/** Reads that tell how many contacts the platform holds: which table it is, and its rows. */
const COUNT_READS = 2;

/** What a verification by sample will take. */
export interface SampleCost {
  /** Contacts the ledger knows of the sync; 0: none yet, so the sample's size is not known either. */
  readonly contacts: number;
  readonly sampleSize: number;
  /** Calls of all kinds, log-ins aside. */
  readonly reads: number;
  /** Seconds at the pace of the account's reads. */
  readonly seconds: number;
}

/** @param pace calls in a window, and its milliseconds */
export function sampleCost(contacts: number, confidence: number, maxError: number, pace: { readonly calls: number; readonly per: number }): SampleCost {
  const size = sampleSize(contacts, confidence, maxError);
  const reads = size + COUNT_READS;
  return { contacts, sampleSize: size, reads, seconds: Math.ceil((reads * pace.per) / pace.calls / 1000) };
}

/** How many contacts the ledger knows of a sync: what a sample is drawn from, before the source is read. */
export async function knownContacts(db: Queryable, destinationId: number, syncId: number): Promise<number> {
  const { rows } = await db.query<{ known: number }>('SELECT count(*) AS known FROM contact WHERE destination_id = $1 AND sync_id = $2', [destinationId, syncId]);
  return rows[0]?.known ?? 0;
}
