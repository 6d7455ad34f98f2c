import type { Queryable } from './database.js';
import type { MappingDocument } from './documents.js';

/** Runs that read all there was to read for them, so that what they found was sent under their configuration. */
const WHOLE = `kind IN ('incremental', 'full') AND extracted_at IS NOT NULL AND NOT options ? 'limit'`;

const UNCOUNTED: MappingDocument = { changed: true, contacts: null, calls: null, seconds: null };

/**
 * Whether contacts may have been sent under another configuration than this: a run had another one since the source was
 * last read from its beginning.
 * @param configHash of what decides how a row becomes a contact of the destination
 */
export async function isRemapped(db: Queryable, syncId: number, configHash: string): Promise<boolean> {
  const { rows } = await db.query<{ remapped: boolean }>(
    `WITH whole AS (SELECT no, config_hash, kind = 'full' OR cursor_from IS NULL AS anew FROM run WHERE sync_id = $1 AND ${WHOLE})
     SELECT EXISTS (SELECT FROM whole WHERE config_hash <> $2 AND no >= COALESCE((SELECT max(no) FROM whole WHERE anew), 0)) AS remapped`,
    [syncId, configHash],
  );
  return rows[0]?.remapped === true;
}

/**
 * Notes with an incremental run that it is the first one under a changed configuration. Safe to repeat.
 * @returns whether what the change touches is still to be counted
 */
export async function noteRemapping(db: Queryable, runNo: number): Promise<boolean> {
  const { rows } = await db.query<{ uncounted: boolean }>(
    `UPDATE run r SET mapping = COALESCE(mapping, $2::jsonb)
     WHERE no = $1 AND kind = 'incremental' AND cursor_from IS NOT NULL AND NOT options ? 'limit' AND config_hash <> (
       SELECT config_hash FROM run WHERE sync_id = r.sync_id AND no < r.no AND ${WHOLE} ORDER BY no DESC LIMIT 1)
     RETURNING mapping ->> 'contacts' IS NULL AS uncounted`,
    [runNo, JSON.stringify(UNCOUNTED)],
  );
  return rows[0]?.uncounted === true;
}

/** Stores with a run what its changed configuration touches. Touches none of its books. */
export async function storeRemapping(db: Queryable, runNo: number, mapping: MappingDocument): Promise<void> {
  await db.query('UPDATE run SET mapping = $2 WHERE no = $1', [runNo, JSON.stringify(mapping)]);
}
