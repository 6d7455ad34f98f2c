import type { Queryable } from './database.js';
import type { Difference } from './documents.js';

const CHUNK = 1_000;

/** Keeps what a verification found, a thousand a statement. */
export async function storeDifferences(db: Queryable, verification: string, syncId: number, differences: AsyncIterable<Difference>, onProgress: () => void): Promise<void> {
  let chunk: Difference[] = [];
  const flush = async (): Promise<void> => {
    if (chunk.length === 0) return;
    await db.query(
      `INSERT INTO difference (verification, sync_id, key, locale, kind, document)
       SELECT $1, $2, d ->> 'key', d ->> 'locale', d ->> 'kind', d FROM unnest($3::jsonb[]) AS d`,
      [verification, syncId, chunk.map((difference) => JSON.stringify(difference))],
    );
    chunk = [];
    onProgress();
  };
  // A verification that was interrupted and begun again starts its list anew.
  await db.query('DELETE FROM difference WHERE verification = $1', [verification]);
  for await (const difference of differences) {
    chunk.push(difference);
    if (chunk.length >= CHUNK) await flush();
  }
  await flush();
}

/** What a verification found, by locale, kind and key. @param limit at most so many a locale and kind; null: all */
export async function readDifferences(db: Queryable, verification: string, limit: number | null): Promise<readonly Difference[]> {
  const { rows } = await db.query<{ document: Difference }>(
    `SELECT document FROM (
       SELECT document, no, row_number() OVER (PARTITION BY locale, kind ORDER BY no) AS place FROM difference WHERE verification = $1
     ) d WHERE $2::int IS NULL OR place <= $2 ORDER BY no`,
    [verification, limit],
  );
  return rows.map((row) => row.document);
}

/**
 * What a verification found after one entry, in the order it was kept: for reading all of it in flat memory.
 * @param after the last `no` of the page before; 0: from the start
 */
export async function differencesAfter(db: Queryable, verification: string, after: number, limit: number): Promise<readonly { readonly no: number; readonly document: Difference }[]> {
  const { rows } = await db.query<{ no: number; document: Difference }>(
    'SELECT no, document FROM difference WHERE verification = $1 AND no > $2 ORDER BY no LIMIT $3',
    [verification, after, limit],
  );
  return rows;
}
