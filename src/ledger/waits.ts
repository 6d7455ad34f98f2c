import type { Queryable } from './database.js';
import { isoTime } from './reports.js';

/** Why an account's calls waited: its pace (a result or a held contact too), an outage, its quota, somebody, or its configuration. */
export type WaitCause = 'pace' | 'backing_off' | 'quota' | 'paused' | 'blocked';

/** A time in which an account made no calls though it may have had some to make. */
export interface LaneWait {
  readonly cause: WaitCause;
  readonly reason: string | null;
  readonly from: string;
  /** null: it still waits. */
  readonly to: string | null;
}

/** Where an account waited between two times (ISO 8601), oldest first; at most `limit`, the newest. */
export async function laneWaits(db: Queryable, accountId: number, between: { readonly from: string; readonly to: string }, limit = 1_000): Promise<readonly LaneWait[]> {
  const { rows } = await db.query<LaneWait>(
    `SELECT cause, reason, ${isoTime('from_at')} AS from, ${isoTime('to_at')} AS to FROM lane_wait
     WHERE account_id = $1 AND from_at < $3::timestamptz AND (to_at IS NULL OR to_at > $2::timestamptz) ORDER BY id DESC LIMIT $4`,
    [accountId, between.from, between.to, limit],
  );
  return rows.reverse();
}
