import type { Queryable, VerificationDocument } from '../ledger/index.js';

/** Keeps a verification in the history of verdicts and, where it closes a run, with that run. One statement. */
export async function recordVerification(
  db: Queryable,
  verification: { readonly syncId: number; readonly runNo: number | null; readonly document: VerificationDocument },
): Promise<void> {
  const { syncId, runNo, document } = verification;
  await db.query(
    `WITH kept AS (
       INSERT INTO verification (sync_id, run_no, at, verdict, document) VALUES ($1, $2, $3, $4, $5)
     )
     UPDATE run SET verification = $5 WHERE no = $2`,
    [syncId, runNo, document.at, document.verdict, JSON.stringify(document)],
  );
}

export interface RecordedVerification {
  /** The run it closed; null: it was asked for. */
  readonly run: string | null;
  readonly document: VerificationDocument;
}

/** The last verifications of a sync, by its name, newest first. */
export async function lastVerifications(db: Queryable, sync: string, limit: number): Promise<readonly RecordedVerification[]> {
  const { rows } = await db.query<RecordedVerification>(
    `SELECT r.id AS run, v.document FROM verification v JOIN sync s ON s.id = v.sync_id LEFT JOIN run r ON r.no = v.run_no
     WHERE s.name = $1 ORDER BY v.id DESC LIMIT $2`,
    [sync, limit],
  );
  return rows;
}
