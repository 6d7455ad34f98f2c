import type { Connection, Queryable } from './database.js';

/** What is unusual: more than a share of the contacts the destination holds for the sync, and not only a few. */
export interface GuardLimit {
  /** 0 to 1. */
  readonly above: number;
  /** Contacts below which nothing is unusual. */
  readonly least: number;
}

/** How many contacts one run may opt in, or change, without somebody saying so. null: any number. */
export interface GuardLimits {
  readonly optIns: GuardLimit | null;
  readonly changes: GuardLimit | null;
}

/** What a run would do to contacts that are known. */
export interface GuardCounts {
  readonly optIns: number;
  readonly changes: number;
}

const exceeds = (count: number, known: number, limit: GuardLimit | null): boolean => limit !== null && count >= limit.least && count > known * limit.above;

/** Whether so much may not go without somebody saying so. */
export const isUnusual = (counts: GuardCounts, known: number, limits: GuardLimits): boolean =>
  exceeds(counts.optIns, known, limits.optIns) || exceeds(counts.changes, known, limits.changes);

const percent = (share: number): string => `${String(Math.round(share * 1000) / 10)} %`;
const number = (count: number): string => count.toLocaleString('en-US');

/** What is unusual about a run, in words; empty where nothing is. */
export function unusualWords({ optIns, changes }: GuardCounts, known: number, limits: GuardLimits): string {
  const words = (verb: string, count: number, limit: GuardLimit | null): string[] =>
    (limit !== null && exceeds(count, known, limit)
      ? [`${verb} ${number(count)} of ${number(known)} known contacts (${percent(count / Math.max(known, 1))}; up to ${percent(limit.above)} go without asking)`]
      : []);
  return [...words('opt in', optIns, limits.optIns), ...words('change', changes, limits.changes)].join(' and ');
}

/** A run would opt in or change more contacts than it may without somebody saying so. None was opted in; opt-outs were staged. */
export class MassChange extends Error {
  override readonly name = 'MassChange';
  constructor(counts: GuardCounts, known: number, limits: GuardLimits) {
    super(`held: this run would ${unusualWords(counts, known, limits)}. Nobody was opted in by it, and what it had not sent by then was not sent; its opt-outs were`);
  }
}

/** How a run stands before its next page. */
export interface GuardState extends GuardCounts {
  readonly staged: number;
  readonly over: boolean;
  readonly known: number | null;
}

/**
 * How a guarded run stands. What earlier readings from the same cursor staged before they were stopped counts as well:
 * a run that was held after half of its changes must not go through with the other half when it is due again.
 */
export async function guardState(connection: Connection, runNo: number): Promise<GuardState> {
  const { rows } = await connection.query<GuardState>(
    `UPDATE run r SET guard_carry = c.carry, guard_changes = CASE WHEN r.guard_carry IS NULL THEN c.carry ELSE r.guard_changes END
     FROM (SELECT COALESCE(me.guard_carry, (
         SELECT CASE WHEN p.extracted_at IS NULL THEN COALESCE(p.guard_carry, 0) + p.guard_staged ELSE 0 END FROM run p
         WHERE p.sync_id = me.sync_id AND p.no < me.no AND p.kind IN ('incremental', 'full') AND NOT p.options ? 'limit'
           AND (p.guard_carry IS NOT NULL OR p.extracted_at IS NOT NULL) ORDER BY p.no DESC LIMIT 1), 0) AS carry
       FROM run me WHERE me.no = $1) c
     WHERE r.no = $1
     RETURNING r.guard_opt_ins AS "optIns", r.guard_changes AS changes, r.guard_staged AS staged, r.guard_over AS over, r.guard_known AS known`,
    [runNo],
  );
  return rows[0] as GuardState;
}

/** Contacts of a sync that its destination is known to hold. */
export async function knownContacts(db: Queryable, destinationId: number, syncId: number): Promise<number> {
  const { rows } = await db.query<{ known: number }>('SELECT count(*) AS known FROM contact WHERE destination_id = $1 AND sync_id = $2', [destinationId, syncId]);
  return rows[0]?.known ?? 0;
}

/** Counted once a run, and only where there is enough of anything to be unusual. */
export async function knownIfAsked(connection: Connection, page: { readonly destinationId: number; readonly syncId: number }, { optIns, changes, known }: GuardState, limits: GuardLimits): Promise<number | null> {
  const few = (count: number, limit: GuardLimit | null): boolean => limit === null || count < limit.least;
  if (known !== null || (few(optIns, limits.optIns) && few(changes, limits.changes))) return known;
  await connection.query('SET LOCAL enable_seqscan = on');
  const counted = await knownContacts(connection, page.destinationId, page.syncId);
  await connection.query('SET LOCAL enable_seqscan = off');
  return counted;
}

/** Keeps how a run stands after a page. */
export async function keepGuard(connection: Connection, runNo: number, { optIns, changes, staged, over, known }: GuardState): Promise<void> {
  await connection.query(
    'UPDATE run SET guard_opt_ins = $2, guard_changes = $3, guard_staged = $4, guard_over = $5, guard_known = $6 WHERE no = $1',
    [runNo, optIns, changes, staged, over, known],
  );
}

/**
 * Judges a run that has read to its end.
 * @throws MassChange
 */
export async function judgeRun(db: Queryable, runNo: number, limits: GuardLimits): Promise<void> {
  const { rows } = await db.query<GuardCounts & { over: boolean; known: number | null }>(
    'SELECT guard_opt_ins AS "optIns", guard_changes AS changes, guard_over AS over, guard_known AS known FROM run WHERE no = $1', [runNo]);
  const run = rows[0];
  if (run?.over === true) throw new MassChange(run, run.known ?? 0, limits);
}
