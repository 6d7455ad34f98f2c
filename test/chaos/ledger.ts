import type { Installation } from './installation.js';

/** A run as the ledger has it. */
export interface RunState {
  readonly status: string;
  readonly ended: boolean;
  readonly error: string | null;
}

export async function runState(place: Installation, run: string): Promise<RunState | undefined> {
  const [row] = await place.query<{ status: string; ended: boolean; error: string | null }>('SELECT status, ended_at IS NOT NULL AS ended, error FROM run WHERE id = $1', [run]);
  return row;
}

const REV = `(br.fields::jsonb -> 'attributes' ->> 'rev')::int`;

/** Versions the ledger says the platform holds: `contact`, the picture it compares with. */
export async function heldVersions(place: Installation): Promise<{ key: string; rev: number }[]> {
  return place.query(`SELECT c.key, ${REV} AS rev FROM contact c JOIN batch_row br ON br.batch_id = c.batch_id AND br.ord = c.ord`);
}

/** Versions that were counted delivered by batches after `batch`. */
export async function deliveredAfter(place: Installation, batch: number): Promise<{ key: string; rev: number }[]> {
  return place.query(
    `SELECT br.key, ${REV} AS rev FROM batch_row br JOIN batch b ON b.id = br.batch_id
     WHERE b.id > $1 AND (br.outcome = 1 OR (br.outcome IS NULL AND b.status = 'settled'))`,
    [batch],
  );
}

/** How every call that carried one of these contacts ended, oldest first. */
export async function callsWith(place: Installation, keys: readonly string[]): Promise<{ key: string; rev: number; status: string; outcome: string | null }[]> {
  return place.query(
    `SELECT br.key, ${REV} AS rev, b.status, b.outcome FROM batch_row br JOIN batch b ON b.id = br.batch_id WHERE br.key = ANY($1) ORDER BY b.id`,
    [keys],
  );
}

export interface Batches {
  readonly last: number;
  /** Calls that ended unknown since the one asked from. */
  readonly unknown: number;
  /** Calls under way or unsettled. */
  readonly open: number;
  readonly waiting: number;
}

export async function batchesAfter(place: Installation, batch: number): Promise<Batches> {
  const [row] = await place.query<{ last: string; unknown: string; open: string; waiting: string }>(
    `SELECT COALESCE(max(id), 0) AS last, count(*) FILTER (WHERE id > $1 AND outcome = 'unknown') AS unknown,
       count(*) FILTER (WHERE status IN ('sending', 'accepted', 'unknown')) AS open, (SELECT count(*) FROM outbox) AS waiting FROM batch`,
    [batch],
  );
  return { last: Number(row?.last), unknown: Number(row?.unknown), open: Number(row?.open), waiting: Number(row?.waiting) };
}

/** Keys with an open rejection. */
export async function rejectedKeys(place: Installation): Promise<Set<string>> {
  const rows = await place.query<{ key: string }>('SELECT key FROM rejection WHERE resolved_at IS NULL');
  return new Set(rows.map((row) => row.key));
}
