import { parseTime, subtractMs } from '../../contacts/index.js';
import type { ReadPlan, SourceState } from '../contract.js';
import type { Session } from './client.js';
import { fullXid, heldOf, heldWarnings, lowerBound, nextHeld, unknownXids } from './late.js';

/** How long a run's start waits for the short transactions it meets, so that they hold nothing. */
const WAIT_MS = 500;
const POLL_MS = 20;

interface Moment {
  /** The source's clock, ISO microseconds. */
  readonly now: string;
  /** Transactions in progress, other than those of other databases. */
  readonly open: readonly string[];
}

// statement_timestamp() is before the statement's snapshot: see late.ts for why the bound must not be after it.
const CLOCK = `to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/**
 * The snapshot's clock, its end, its transactions in progress, and those the server's backends (every role may see
 * their ids) and prepared transactions have: `here` in this database, `elsewhere` in others. The latter cannot touch
 * the source. The former are needed because a snapshot lists only ids below its end, the newest id that has *ended*:
 * on a quiet server the very transaction at work is above it. They are looked up while the statement runs, hence
 * after its snapshot: an id that is gone by then has ended.
 */
const MOMENT = `
  WITH working AS (
    SELECT backend_xid::text AS xid, datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AS here
      FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL
    SELECT transaction::text, database = current_database() FROM pg_prepared_xacts
  )
  SELECT ${CLOCK}, pg_snapshot_xmax(snapshot)::text,
    (SELECT string_agg(xid::text, ',') FROM pg_snapshot_xip(snapshot) AS xid),
    (SELECT string_agg(xid, ',') FROM working WHERE here),
    (SELECT string_agg(xid, ',') FROM working WHERE NOT here)
  FROM pg_current_snapshot() AS snapshot`;

/** The source's clock alone. */
export async function clock(session: Session): Promise<string> {
  const [[now]] = (await session.rows(`SELECT ${CLOCK}`)) as [[string]];
  return parseTime(now) ?? now;
}

type MomentRow = [now: string, end: string, inSnapshot: string | null, here: string | null, elsewhere: string | null];

const listed = (text: string | null): string[] => (text === null ? [] : text.split(','));

async function moment(session: Session): Promise<Moment> {
  const [[now, end, inSnapshot, here, elsewhere]] = (await session.rows(MOMENT)) as [MomentRow];
  const foreign = new Set(listed(elsewhere).map((xid) => fullXid(xid, end)));
  const open = new Set([...listed(inSnapshot), ...listed(here).map((xid) => fullXid(xid, end))]);
  return { now, open: [...open].filter((xid) => !foreign.has(xid)) };
}

/** Freezes the bounds of an incremental or full run. Not inside a transaction: each look takes a new snapshot. */
export async function beginRun(session: Session, kind: 'incremental' | 'full', state: SourceState | null, overlap: number): Promise<ReadPlan> {
  const held = heldOf(state?.notes);
  const natural = state === null || state.cursor === null ? null : subtractMs(state.cursor, overlap);
  const first = await firstMoment(session);
  if (first === null) return { kind, from: kind === 'full' ? null : natural, to: await clock(session), warnings: [], notes: { held: [] } };

  const open = await waitForShort(session, first, unknownXids(held, first.open));
  const next = nextHeld(held, open, natural, first.now);
  return {
    kind,
    from: kind === 'full' ? null : lowerBound(natural, held),
    to: first.now,
    warnings: heldWarnings(next, first.now),
    notes: { held: next.map((entry) => ({ lower: entry.lower, xids: [...entry.xids], since: entry.since })) },
  };
}

/** Null where the server does not know snapshots by SQL. */
async function firstMoment(session: Session): Promise<Moment | null> {
  const [[known]] = (await session.rows(`SELECT to_regproc('pg_catalog.pg_current_snapshot') IS NOT NULL`)) as [[boolean]];
  return known ? moment(session) : null;
}

/** The transactions of the first look that are still open after at most {@link WAIT_MS}. */
async function waitForShort(session: Session, first: Moment, fresh: readonly string[]): Promise<readonly string[]> {
  let open = first.open;
  const until = performance.now() + WAIT_MS;
  let waiting = fresh;
  while (waiting.length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const now = new Set((await moment(session)).open);
    open = open.filter((xid) => now.has(xid));
    waiting = waiting.filter((xid) => now.has(xid));
  }
  return open;
}
