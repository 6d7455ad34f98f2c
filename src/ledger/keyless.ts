import type { Queryable } from './database.js';

/** Open rejections of rows that have no key and no place either: they can only be counted. */
const OPEN = 'x.destination_id = $1 AND x.sync_id = $2 AND x.key IS NULL AND x.place IS NULL AND x.code = \'invalid\' AND x.resolved_at IS NULL';

/** Whether a sync lists rows without a key that nothing tells apart. */
export async function listsKeyless(db: Queryable, { destinationId, syncId }: { readonly destinationId: number; readonly syncId: number }): Promise<boolean> {
  const { rows } = await db.query<{ any: boolean }>(`SELECT EXISTS (SELECT 1 FROM rejection x WHERE ${OPEN}) AS any`, [destinationId, syncId]);
  return rows[0]?.any === true;
}

/** Takes from the list what is more than the source still has. @param still rows without a key there are in the source now */
export async function resolveKeyless(db: Queryable, { destinationId, syncId }: { readonly destinationId: number; readonly syncId: number }, still: number): Promise<void> {
  await db.query(
    `UPDATE rejection SET resolved_at = clock_timestamp(), resolution = 'the source has fewer rows without a key'
     WHERE id IN (SELECT x.id FROM rejection x WHERE ${OPEN} ORDER BY x.since DESC, x.id DESC OFFSET $3)`,
    [destinationId, syncId, still],
  );
}
