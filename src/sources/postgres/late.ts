import { earlier } from '../../contacts/index.js';
import type { Json } from '../../contacts/index.js';

/**
 * Late commits. A transaction X may write rows dated before a run's bound and commit after the run has read past
 * them. What is done about it, and why nothing is missed:
 *
 * One statement at the start of run N takes the bound `to` (its own start) and then the set S of the transactions
 * that have an id and are in progress: those of its snapshot and those the backends show. Pages are read later, under
 * later snapshots. Take a row of X dated t ≤ to.
 * - X ended before S was taken, or while `begin` waited: every page sees the row.
 * - X is in S and still open after that wait: its id is held together with run N's natural lower bound
 *   (previous cursor − overlap). Until a later run finds X ended *at its begin*, runs read from the held bound on;
 *   the first one that finds it ended reads from there once more, and only then is the entry dropped. The bound is
 *   low enough: if X began after the run before N, t lies above that run's bound, hence above its cursor; if X was
 *   open in that run too, that run's entry holds it with that run's own bound.
 * - X got its id (wrote first) after S. If it began after `to`, t > to and the next run reads it. If it began
 *   before, t is older than the cursor by at most the time between its begin and its first write: this is what the
 *   overlap is for, and all it is for.
 *
 * A standby shows no backends that write: there a transaction that is in progress with the newest id of all is only
 * known once another has ended after it. Until then the overlap has to cover it.
 *
 * An id that is no longer in S has ended: a known id cannot start again, and where the server was replaced
 * (a restore, a failover) its transaction did not survive; the run that notices still reads from the held bound.
 */
export interface Held {
  /** Read from here on, ISO microseconds; null: from the beginning. */
  readonly lower: string | null;
  /** Transactions (64-bit ids as text) that had not ended. */
  readonly xids: readonly string[];
  /** When it was first held, on the source's clock. */
  readonly since: string;
}

/** Reads `{held}` from a state's notes; anything that is not of that form counts as nothing held. */
export function heldOf(notes: Json | undefined): readonly Held[] {
  const held = notes !== null && typeof notes === 'object' && !Array.isArray(notes) ? notes.held : undefined;
  return Array.isArray(held) ? (held as unknown as Held[]) : [];
}

const HALF = 1n << 31n;
const EPOCH = 1n << 32n;

/**
 * The 64-bit id of a transaction in progress from its 32-bit one.
 * @param near a 64-bit id at most 2^31 transactions away (the snapshot's end)
 */
export function fullXid(xid: string, near: string): string {
  const centre = BigInt(near);
  const full = (centre & ~(EPOCH - 1n)) | BigInt(xid);
  if (full > centre + HALF) return String(full - EPOCH);
  return String(full < centre - HALF ? full + EPOCH : full);
}

/** Transactions in progress that no entry knows yet. */
export function unknownXids(held: readonly Held[], open: readonly string[]): string[] {
  const known = new Set(held.flatMap((entry) => entry.xids));
  return open.filter((xid) => !known.has(xid));
}

/** The lower bound of a run: its natural one, or the lowest that is held. */
export function lowerBound(natural: string | null, held: readonly Held[]): string | null {
  return held.reduce<string | null>((lowest, entry) => earlier(lowest, entry.lower), natural);
}

/**
 * What the run leaves held.
 * @param open transactions in progress when `begin` ended
 * @param natural the run's own bound, previous cursor − overlap
 * @param now the source's clock
 */
export function nextHeld(held: readonly Held[], open: readonly string[], natural: string | null, now: string): Held[] {
  const inProgress = new Set(open);
  const kept = held
    .map((entry) => ({ ...entry, xids: entry.xids.filter((xid) => inProgress.has(xid)) }))
    .filter((entry) => entry.xids.length > 0);
  const fresh = unknownXids(held, open);
  return fresh.length === 0 ? kept : [...kept, { lower: natural, xids: fresh, since: now }];
}

const HOUR_MS = 3_600_000;

/** Words for entries older than an hour. */
export function heldWarnings(held: readonly Held[], now: string): string[] {
  return held
    .filter((entry) => Date.parse(now) - Date.parse(entry.since) > HOUR_MS)
    .map(
      (entry) =>
        `a transaction open since before ${entry.since} makes every run read again from ${entry.lower ?? 'the beginning'} on: ` +
        `end it at the source (pg_stat_activity.backend_xid or pg_prepared_xacts, transaction ${entry.xids.join(', ')})`,
    );
}
