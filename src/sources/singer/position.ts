import { createHash } from 'node:crypto';
import type { Json } from '../../contacts/index.js';
import type { Mark } from './states.js';

/**
 * Where a reading stands after a page. Reading goes on with the last STATE from which a tap can go on, `anchor`.
 * Usually the records after it come again: staging drops what is unchanged. Taps may start a little before their
 * bookmark, so counting alone would skip wrongly. But a tap that was started with the anchor itself and writes no
 * other STATE for an hour would never get past what one call reads; so what came since is counted and hashed, and
 * skipped when it comes again exactly the same.
 */
export interface Position {
  /** The reading and the page: a tap that still waits there can be used. */
  readonly at: string;
  /** The last STATE, JSON text: the cursor if the reading ended here. */
  readonly state: string | null;
  readonly anchor: string | null;
  /** Records handed over since the anchor. */
  readonly after: number;
  /** Their hash; null where the tap was not started with the anchor. */
  readonly digest: string | null;
  readonly ended: boolean;
  /** The greatest usable time of a record so far, ISO microseconds. Absent: of an earlier version. */
  readonly time?: string | null;
  /** STATEs so far that a later run may start from. */
  readonly marks?: readonly Mark[];
}

export function positionOf(position: Json | null): Position | null {
  return position as Position | null;
}

/** The hash of some records and one more. */
export function hashed(digest: string, record: unknown): string {
  return createHash('sha256').update(digest).update(JSON.stringify(record)).digest('base64');
}
