import type { Queryable } from './database.js';
import type { LaneState, RunKind, RunStatus } from './documents.js';

/** What is told of as it changes: cheap enough to be asked every second. */
export interface Standings {
  readonly runs: readonly { readonly run: string; readonly sync: string; readonly kind: RunKind; readonly status: RunStatus }[];
  readonly lanes: readonly { readonly account: string; readonly state: LaneState; readonly reason: string | null }[];
}

/** The last run of every sync of the configuration, and the state of every lane. */
export async function standings(db: Queryable): Promise<Standings> {
  const runs = await db.query<Standings['runs'][number]>(
    `SELECT r.id AS run, s.name AS sync, r.kind, r.status FROM sync s CROSS JOIN LATERAL (
       SELECT id, kind, status FROM run WHERE sync_id = s.id AND kind NOT IN ('optOut', 'erase') ORDER BY no DESC LIMIT 1) r
     WHERE NOT s.retired ORDER BY s.name`);
  const lanes = await db.query<Standings['lanes'][number]>('SELECT name AS account, state, reason FROM account ORDER BY name');
  return { runs: runs.rows, lanes: lanes.rows };
}
