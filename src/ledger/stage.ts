import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { from as copyFrom } from 'pg-copy-streams';
import type { Action, Capabilities, ConsentCode } from '../destinations/index.js';
import type { Json } from '../contacts/index.js';
import { transaction, type Connection, type Pool } from './database.js';
import { claimIdentities, clampSharers, renameKeys } from './identity.js';
import { presence, sort, sortGuarded } from './sort.js';
import { KINDS } from './stage-sql.js';
import { copyLine, STAGE_COLUMNS, STAGE_TABLE } from './stage-copy.js';
import { noteDepartures } from './departures.js';
import type { GuardLimits } from './guard.js';
import { doubtStaged } from './restored.js';
import { fillFromRises, supersedeRises } from './rises.js';
import { withhold, type Withheld } from './withhold.js';

/** One contact of a page, ready to be compared with its newest known intent. */
export interface StageRow {
  readonly key: string;
  /** The source's updatedAt, ISO microseconds; null: the page's read time on this server's clock. */
  readonly version: string | null;
  readonly action: Action;
  readonly fields: string;
  readonly emailConsent: ConsentCode;
  readonly smsConsent: ConsentCode;
  readonly locale: string | null;
  /** Sent only where the destination is known to hold the contact, or is about to; else it counts as `otherwise`. */
  readonly onlyIfKnown?: 'filtered' | string;
  /** As in `Prepared`. */
  readonly shape?: string;
  readonly previousKey?: string;
  readonly identity?: string;
  /** The contact's e-mail address: only a keyed hash of it is kept. */
  readonly mail?: string | null;
  /** When the person gave or took back the consent, ISO 8601 UTC. */
  readonly consentAt?: string | null;
  /** The source marks it as deleted, and it is to be erased when the run has read to its end. */
  readonly departed?: boolean;
}

/** The destination's ways that decide how its rows go together. */
export type Ways = Pick<Capabilities, 'consent' | 'keyChange' | 'identityChange'>;

/** A row that cannot be sent, and why. */
export interface InvalidRow {
  readonly key: string | null;
  readonly place: string | null;
  readonly reason: string;
  /** Whether the source says granted, where it says anything; for verification. */
  readonly optedIn?: boolean;
  /** As the source has it, where the row could be read that far; for verification. */
  readonly locale?: string;
}

export interface StagePage {
  readonly runNo: number;
  readonly syncId: number;
  readonly destinationId: number;
  /** Of this page within its run, from 1. */
  readonly pageNo: number;
  /** From where the run reads on after this page. */
  readonly position: Json;
  readonly priority: number;
  /** Sends also what is unchanged, and what is older than what is delivered; never over something newer that waits or is in flight. */
  readonly resend: boolean;
  /** Says the consent of rows that grant nothing also where it has not changed: the destination is known to differ. */
  readonly repair?: boolean;
  /** The mapping changed since: a row that is no newer than what is delivered, with the same consent, counts as unchanged. */
  readonly remapped?: boolean;
  readonly ways?: Ways;
  readonly extracted: number;
  readonly filtered: number;
  /** Keys of rows that are held back by the filter, of which nothing is staged. */
  readonly unwanted?: readonly string[];
  readonly superseded: number;
  readonly rows: readonly StageRow[];
  readonly invalid: readonly InvalidRow[];
  readonly warnings: Readonly<Record<string, number>>;
  /** Every key of the page, also of rows that are not staged, where the run tells who is gone by who was met. */
  readonly met?: readonly string[];
  /** Greatest usable row time of the run so far. */
  readonly maxTime: string | null;
  /** What the run may do without asking; absent: anything. */
  readonly guard?: GuardLimits;
}

export interface StageResult {
  readonly queued: number;
  readonly optOuts: number;
}

/** The run was stopped or closed while this page was read; the page is not staged. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';
}

async function copyIn(connection: Connection, rows: readonly StageRow[]): Promise<void> {
  await connection.query(`CREATE TEMP TABLE IF NOT EXISTS ${STAGE_TABLE}`);
  if (rows.length === 0) return;
  const stream = connection.query(copyFrom(`COPY stage (${STAGE_COLUMNS}) FROM STDIN`));
  let next = 0;
  const chunk = 500;
  await pipeline(
    Readable.from(
      (function* lines() {
        while (next < rows.length) {
          let text = '';
          const end = Math.min(next + chunk, rows.length);
          for (; next < end; next += 1) text += copyLine(rows[next] as StageRow, next);
          yield Buffer.from(text, 'utf8');
        }
      })(),
      { objectMode: false },
    ),
    stream,
  );
}

/** A page on its way. */
export interface Staging {
  /** Its rows are at the server; what follows there needs nothing of this process. */
  readonly copied: Promise<void>;
  readonly done: Promise<StageResult>;
}

/**
 * Begins to stage a page: its rows are sent at once, on a connection of their own, and compared when `after` is done.
 * So the server never waits for the next page, and this process prepares it meanwhile.
 */
export function beginStaging(pool: Pool, page: StagePage, after: Promise<unknown>): Staging {
  let sent: () => void = () => undefined;
  const copied = new Promise<void>((resolve) => { sent = resolve; });
  const done = stage(pool, page, async () => {
    sent();
    await after;
  });
  // Whoever waits only for the copy must not wait for ever; the failure itself is met at `done`.
  done.catch(() => undefined).finally(sent);
  return { copied, done };
}

/**
 * Stages one page in one transaction: compares its contacts with their newest known intents, queues what
 * differs, writes the page's books and moves the run's position. Staging the same page again is refused
 * by the run's position, so a page counts once.
 *
 * @throws RunStopped when the run is no longer extracting or has passed this page
 */
export function stagePage(pool: Pool, page: StagePage): Promise<StageResult> {
  return stage(pool, page, () => Promise.resolve());
}

/** Rows staged at once of those that were put aside. */
const RELEASED_AT_ONCE = 1_000;

/**
 * Stages the next of the contacts a run put aside, as a page of its own: it has been judged. What is known of them by
 * now decides, as for any page.
 * @throws RunStopped
 */
export function stageRises(pool: Pool, page: Omit<StagePage, 'rows' | 'extracted' | 'filtered' | 'superseded' | 'invalid' | 'warnings' | 'guard'>): Promise<StageResult> {
  return stage(pool, { ...page, rows: [], extracted: 0, filtered: 0, superseded: 0, invalid: [], warnings: {} }, () => Promise.resolve(), async (connection) => {
    await connection.query(`CREATE TEMP TABLE IF NOT EXISTS ${STAGE_TABLE}`);
    // Before its rows are taken: whoever supersedes them holds this lock and waits for them, in that order.
    await lockDestinations(connection, page.destinationId, true);
    return fillFromRises(connection, page.runNo, RELEASED_AT_ONCE);
  });
}

/** Locks a destination, or all of its account, against whoever adds waiting rows; in one order, so that two do not wait for each other. */
async function lockDestinations(connection: Connection, destinationId: number, wholeAccount: boolean): Promise<void> {
  await connection.query(
    `SELECT pg_advisory_xact_lock(796201, d.id) FROM (
       SELECT id FROM destination WHERE id = $1 OR ($2 AND account_id = (SELECT account_id FROM destination WHERE id = $1)) ORDER BY id OFFSET 0) d`,
    [destinationId, wholeAccount],
  );
}

/** What the working table of a page holds. */
interface Filled {
  readonly rows: number;
  readonly identified: boolean;
  readonly renamed: boolean;
}

async function fillFrom(connection: Connection, rows: readonly StageRow[]): Promise<Filled> {
  await copyIn(connection, rows);
  return { rows: rows.length, identified: rows.some((row) => row.identity !== undefined), renamed: rows.some((row) => row.previousKey !== undefined) };
}

function stage(
  pool: Pool, page: StagePage, copied: () => Promise<void>, fill = (connection: Connection): Promise<Filled> => fillFrom(connection, page.rows),
): Promise<StageResult> {
  return transaction(pool, async (connection) => {
    const filled = await fill(connection);
    const released = filled.rows - page.rows.length;
    await copied();
    const moved = await connection.query(
      `UPDATE run SET pages = $2, position = $3, max_time = $4 WHERE no = $1 AND extracting AND pages = $2 - 1`,
      [page.runNo, page.pageNo, JSON.stringify(page.position), page.maxTime],
    );
    if (moved.rowCount !== 1) throw new RunStopped('the run was stopped or has been continued elsewhere');
    await connection.query('SET LOCAL enable_seqscan = off');
    const counts = await classify(connection, page, filled);
    const extra = counts.uninvited;
    const invalid = [...page.invalid, ...extra.filter((row) => row.reason !== 'filtered')];
    if (invalid.length > 0) await storeInvalid(connection, page, invalid);
    if (page.unwanted !== undefined && page.unwanted.length > 0) await resolveUnwanted(connection, page, page.unwanted);
    await noteDepartures(connection, page);
    const warnings = { ...page.warnings };
    for (const { reason, count } of counts.withheld) warnings[reason] = (warnings[reason] ?? 0) + count;
    await connection.query(
      `INSERT INTO page (run_no, no, extracted, invalid, filtered, unchanged, still_rejected, superseded, suppressed, queued, warnings)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        page.runNo, page.pageNo, page.extracted + released + counts.taken - counts.apart, invalid.length, page.filtered + extra.length - (invalid.length - page.invalid.length),
        counts.unchanged, counts.still, page.superseded, counts.suppressed, counts.queued,
        Object.keys(warnings).length > 0 ? JSON.stringify(warnings) : null,
      ],
    );
    return { queued: counts.queued - counts.ended, optOuts: counts.optOuts + counts.taken };
  });
}

interface Classified {
  readonly unchanged: number;
  readonly still: number;
  readonly queued: number;
  /** Of `queued`: rejected or overtaken at once, nothing waits for them. */
  readonly ended: number;
  readonly optOuts: number;
  /** Contacts that were not on the page and are sent again with less consent, because of others that are: also in `queued`. */
  readonly taken: number;
  /** Rows that are not extracted for now: put aside until the run has been judged, or more than it may do. */
  readonly apart: number;
  /** Rows meant only for known contacts that are not known. */
  readonly uninvited: readonly InvalidRow[];
  /** Rows of which nothing was left to send. */
  readonly suppressed: number;
  /** Why consent was not sent as the source has it, or a row not at all. */
  readonly withheld: readonly Withheld[];
}

async function classify(connection: Connection, page: StagePage, { rows: count, identified, renamed }: Filled): Promise<Classified> {
  if (count === 0) return { unchanged: 0, still: 0, queued: 0, ended: 0, optOuts: 0, taken: 0, apart: 0, uninvited: [], suppressed: 0, withheld: [] };
  // Staging and everything that puts rows back exclude each other for one destination; claiming does
  // not take this lock: it skips the rows locked by the second statement instead.
  // Who shares an identity can be on any list of the account.
  await lockDestinations(connection, page.destinationId, identified);
  const { ways = {} } = page;
  const renames = ways.keyChange === 'platform';
  if (renamed) await renameKeys(connection, page, !renames);
  await doubtStaged(connection, page);
  // First what people took back themselves, then what that means for those who share their identity.
  const withheld = await withhold(connection, page);
  if (identified) await claimIdentities(connection, page);
  await connection.query(KINDS, [page.destinationId, ways.consent === 'whenChanged', renames]);
  await supersedeRises(connection, page.destinationId, page.runNo);
  const there = await presence(connection, page.destinationId);
  if (there.waiting) {
    await connection.query(
      `SELECT count(*) FROM stage s CROSS JOIN LATERAL (
         SELECT 1 FROM outbox o WHERE o.destination_id = $1 AND o.key = s.key LIMIT 1 FOR UPDATE OF o) locked`,
      [page.destinationId],
    );
  }
  const rows = page.guard === undefined ? await sort(connection, page, there, 0) : await sortGuarded(connection, page, there, page.guard);
  const sorted = rows.reduce((sum, row) => sum + row.count, 0);
  if (sorted !== count) throw new Error(`the ledger sorted ${sorted} rows of a page of ${count}`);
  const taken = identified ? await clampSharers(connection, page) : 0;
  const of = (verdict: string): number => rows.find((row) => row.verdict === verdict)?.count ?? 0;
  return {
    unchanged: of('unchanged') + of('back') + of('still'),
    still: of('still'),
    queued: of('queue') + of('overtaken') + of('owned') + of('duplicate') + of('held') + taken,
    ended: of('overtaken') + of('owned') + of('duplicate') + of('held'),
    optOuts: rows.find((row) => row.verdict === 'queue')?.opt_outs ?? 0,
    taken,
    apart: of('rises') + of('excess'),
    suppressed: of('suppressed'),
    withheld,
    uninvited: (rows.find((row) => row.verdict === 'uninvited')?.uninvited ?? []).map(([key, reason]) => ({ key, place: null, reason })),
  };
}

/** What the filter holds back by now is not to be sent: it leaves the list of rejections by itself. */
async function resolveUnwanted(connection: Connection, { destinationId, syncId }: StagePage, keys: readonly string[]): Promise<void> {
  await connection.query(
    `UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'held back by the filter'
     FROM unnest($3::text[]) k (key) CROSS JOIN LATERAL (
       SELECT r.ctid AS place FROM rejection r WHERE r.destination_id = $1 AND r.key = k.key AND r.resolved_at IS NULL AND r.sync_id = $2 OFFSET 0) open
     WHERE x.ctid = open.place`,
    [destinationId, syncId, keys],
  );
}

/** One open entry a key (or place): a row met again keeps the time it was first seen. */
async function storeInvalid(connection: Connection, page: StagePage, invalid: readonly InvalidRow[]): Promise<void> {
  await connection.query(
    `WITH input AS (
       SELECT * FROM unnest($4::text[], $5::text[], $6::text[]) AS i (key, place, reason)
     ), earlier AS (
       UPDATE rejection x SET resolved_at = clock_timestamp(), resolution = 'read again'
       FROM input i
       WHERE x.destination_id = $2 AND x.sync_id = $1 AND x.resolved_at IS NULL AND x.code = 'invalid' AND x.run_no <> $3
         AND (x.key = i.key OR (x.key IS NULL AND i.key IS NULL AND x.place IS NOT DISTINCT FROM i.place AND x.reason = i.reason))
       RETURNING x.key, x.place, x.since, x.attempts
     )
     INSERT INTO rejection (destination_id, sync_id, run_no, key, place, code, reason, since, attempts)
     SELECT $2, $1, $3, i.key, i.place, 'invalid', i.reason,
       COALESCE((SELECT min(e.since) FROM earlier e WHERE e.key = i.key OR (e.key IS NULL AND i.key IS NULL AND e.place IS NOT DISTINCT FROM i.place)), clock_timestamp()),
       0
     FROM input i`,
    [
      page.syncId, page.destinationId, page.runNo,
      invalid.map((row) => row.key), invalid.map((row) => row.place), invalid.map((row) => row.reason),
    ],
  );
}
