import type { Connection, Pool } from './database.js';
import { STAGE_COLUMNS } from './stage-copy.js';

/**
 * What a run put aside of contacts that it reads once more gives way to what was read now, unless that is older. It was
 * in neither side of the run's books and counts as superseded there. What other runs put aside stands beside it until
 * the page is sorted: only a row that found its place may take theirs (see `CLASSIFY`). The destination's lock must be held.
 */
export async function supersedeRises(connection: Connection, destinationId: number, runNo: number): Promise<void> {
  await account(connection, `DELETE FROM rise a USING stage s
    WHERE a.destination_id = $1 AND a.run_no = $2 AND a.key = s.key AND a.version <= LEAST(COALESCE(s.version, now()), now())`, [destinationId, runNo]);
}

/** Drops what was put aside of contacts who are erased. The destination's lock must be held. */
export async function dropRises(connection: Connection, destinationId: number, keys: readonly string[]): Promise<void> {
  await account(connection, 'DELETE FROM rise a WHERE a.destination_id = $1 AND a.key = ANY($2)', [destinationId, keys]);
}

/** Takes granted consent out of what was put aside; the rest of the contact goes when its run has been judged. The destination's lock must be held. */
export async function lowerRises(connection: Connection, destinationId: number, contacts: readonly { readonly key: string; readonly email: number; readonly sms: number }[]): Promise<void> {
  await connection.query(
    `UPDATE rise a SET email = CASE WHEN a.email = 2 THEN LEAST(a.email, t.email) ELSE a.email END, sms = CASE WHEN a.sms = 2 THEN LEAST(a.sms, t.sms) ELSE a.sms END
     FROM (SELECT key, min(email) AS email, min(sms) AS sms FROM unnest($2::text[], $3::smallint[], $4::smallint[]) AS t (key, email, sms) GROUP BY key) t
     WHERE a.destination_id = $1 AND a.key = t.key`,
    [destinationId, contacts.map(({ key }) => key), contacts.map(({ email }) => email), contacts.map(({ sms }) => sms)],
  );
}

async function account(connection: Connection, remove: string, values: readonly unknown[]): Promise<void> {
  const { rows } = await connection.query<{ any: boolean }>('SELECT EXISTS (SELECT 1 FROM rise WHERE destination_id = $1) AS any', [values[0]]);
  if (rows[0]?.any !== true) return;
  await connection.query(
    // Numbers below zero: those above are of the run's own pages, one after another.
    `WITH gone AS (${remove} RETURNING a.run_no), n AS (SELECT run_no, count(*) AS count FROM gone GROUP BY run_no)
     INSERT INTO page (run_no, no, extracted, invalid, filtered, unchanged, still_rejected, superseded, suppressed, queued)
     SELECT n.run_no, LEAST(COALESCE((SELECT min(no) FROM page p WHERE p.run_no = n.run_no), 0), 0) - 1, n.count, 0, 0, 0, 0, n.count, 0, 0 FROM n`,
    [...values],
  );
}

/** Moves up to `most` rows that a run put aside into the working table of a page. @returns what they are like */
export async function fillFromRises(connection: Connection, runNo: number, most: number): Promise<{ readonly rows: number; readonly identified: boolean; readonly renamed: boolean }> {
  const { rows } = await connection.query<{ rows: number; identified: boolean; renamed: boolean }>(
    `WITH moved AS (
       DELETE FROM rise a USING (SELECT key FROM rise WHERE run_no = $1 ORDER BY key LIMIT $2) k WHERE a.run_no = $1 AND a.key = k.key RETURNING a.*
     ), filled AS (
       INSERT INTO stage (${STAGE_COLUMNS}) SELECT row_number() OVER (ORDER BY key) - 1, ${STAGE_COLUMNS.replace('ord, ', '')} FROM moved
     )
     SELECT count(*) AS rows, COALESCE(bool_or(identity IS NOT NULL), false) AS identified, COALESCE(bool_or(previous_key IS NOT NULL), false) AS renamed FROM moved`,
    [runNo, most],
  );
  return rows[0] as { rows: number; identified: boolean; renamed: boolean };
}

/** Whether a run has contacts put aside. */
export async function hasRises(pool: Pool, runNo: number): Promise<boolean> {
  const { rows } = await pool.query<{ any: boolean }>('SELECT EXISTS (SELECT 1 FROM rise WHERE run_no = $1) AS any', [runNo]);
  return rows[0]?.any === true;
}
