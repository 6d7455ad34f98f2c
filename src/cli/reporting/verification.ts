import type { Pool, VerificationDocument } from '../../ledger/index.js';
import { version } from '../version.js';

/**
 * A verification as a page.
 * @param id under which its differences are kept
 * @param repaired contacts that were queued for repair; null: none was asked for
 */
export async function verificationReport(pool: Pool, sync: string, id: string, document: VerificationDocument, repaired: number | null): Promise<string> {
  const { differenceCounts } = await import('../../ledger/index.js');
  const { verificationPage } = await import('../../report/index.js');
  return verificationPage({ made: { version: version(), at: new Date().toISOString() }, sync, document, differences: await differenceCounts(pool, id), repaired });
}
