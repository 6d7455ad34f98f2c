import type { Pool, Queryable } from './database.js';
import type { LaneState } from './documents.js';
import type { Lease } from './lease.js';

/** An account's lane as the ledger knows it. */
export interface LaneRow {
  readonly id: number;
  readonly name: string;
  readonly paused: boolean;
  readonly blocked: boolean;
  readonly quota: boolean;
  readonly state: LaneState;
  readonly reason: string | null;
  readonly hint: string | null;
  readonly until: string | null;
  /** Milliseconds until calls may leave again; 0: now. */
  readonly waitMs: number;
  readonly failures: number;
  readonly claims: number;
  /** This server's clock: milliseconds since 1970. */
  readonly nowMs: number;
  /** The ledger was found older than what was sent, and its syncs are being read again. */
  readonly restored: boolean;
}

/** The lane of this account name, or undefined. */
export async function findLane(db: Queryable, account: string): Promise<LaneRow | undefined> {
  const { rows } = await db.query<LaneRow>({
    name: 'find-lane',
    text: `SELECT id, name, paused, blocked, quota, state, reason, hint, to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS until, failures, claims,
      restored_at IS NOT NULL AS restored,
      CASE WHEN isfinite(not_before) THEN GREATEST(EXTRACT(EPOCH FROM not_before - clock_timestamp()) * 1000, 0)::float8 ELSE 0 END AS "waitMs",
      EXTRACT(EPOCH FROM clock_timestamp())::float8 * 1000 AS "nowMs"
    FROM account WHERE name = $1`,
    values: [account],
  });
  return rows[0];
}

/** What the lane shows to whoever asks; a lane that is paused or blocked goes on saying so. */
export async function showLane(
  db: Queryable,
  accountId: number,
  shown: { state: LaneState; reason?: string | null; hint?: string | null; untilMs?: number | null },
): Promise<void> {
  await db.query(
    `UPDATE account SET state = $2, reason = $3, hint = $4, until = clock_timestamp() + make_interval(secs => $5::float8 / 1000)
     WHERE id = $1 AND NOT (paused OR blocked OR quota) AND ((state, reason, hint) IS DISTINCT FROM ($2, $3, $4) OR $5::float8 IS NOT NULL)`,
    [accountId, shown.state, shown.reason ?? null, shown.hint ?? null, shown.untilMs ?? null],
  );
}

/** Holds every call of the lane for a while. `outage` counts towards the next, longer wait. */
export async function holdLane(db: Queryable, lease: Lease, forMs: number, outage: boolean): Promise<void> {
  await db.query(
    `UPDATE account SET failures = failures + CASE WHEN $4 AND not_before <= clock_timestamp() THEN 1 ELSE 0 END,
       not_before = GREATEST(not_before, clock_timestamp() + make_interval(secs => $3::float8 / 1000))
     WHERE id = $1 AND fence = $2`,
    [lease.accountId, lease.fence, forMs, outage],
  );
}

/** Nothing leaves until somebody resumes the lane, or a new run tries again. */
export async function blockLane(db: Queryable, lease: Lease, reason: string, hint: string): Promise<void> {
  await db.query(
    `UPDATE account SET blocked = true, state = 'blocked', reason = $3, hint = $4, until = NULL WHERE id = $1 AND fence = $2`,
    [lease.accountId, lease.fence, reason, hint],
  );
}

/** A quota is used up: wait until `until` (ISO) and a minute at least, or an hour when the platform does not say. */
export async function pauseForQuota(db: Queryable, lease: Lease, until: string | null, reason: string): Promise<void> {
  await db.query(
    `UPDATE account SET quota = true, state = 'paused', reason = $3, hint = NULL,
       not_before = w.at, until = w.at
     FROM (SELECT GREATEST(COALESCE($4::timestamptz, clock_timestamp() + interval '1 hour'), clock_timestamp() + interval '1 minute') AS at) w
     WHERE id = $1 AND fence = $2`,
    [lease.accountId, lease.fence, reason, until],
  );
}

/** The quota's wait is over: calls are tried again. */
export async function endQuota(db: Queryable, accountId: number): Promise<void> {
  await db.query('UPDATE account SET quota = false, until = NULL, reason = NULL WHERE id = $1 AND not_before <= clock_timestamp()', [accountId]);
}

/** Counts calls of the lane, for the share of its lowest class. */
export async function countClaims(db: Queryable, lease: Lease, claims: number): Promise<void> {
  await db.query('UPDATE account SET claims = claims + $3 WHERE id = $1 AND fence = $2', [lease.accountId, lease.fence, claims]);
}

/** By hand: nothing leaves, or everything is tried again. @returns false when there is no such lane */
export async function setPaused(db: Queryable, account: string, paused: boolean): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE account SET paused = $2, state = CASE WHEN $2 THEN 'paused' ELSE 'idle' END,
       reason = CASE WHEN $2 THEN 'paused by hand' END, hint = CASE WHEN $2 THEN 'syncline lane resume ' || name END, until = NULL
     WHERE name = $1`,
    [account, paused],
  );
  if (rowCount === 1 && !paused) await tryAgain(db, account);
  return rowCount === 1;
}

/**
 * Lifts a block, a quota's pause and suspicions, so that the next call decides anew. A pause by hand stays.
 * @returns whether there was a block or a quota's pause to lift
 */
export async function tryAgain(db: Queryable, account: string): Promise<boolean> {
  const { rows } = await db.query<{ halted: boolean }>(
    `WITH was AS (
       SELECT id, blocked OR quota AS halted FROM account WHERE name = $1 AND (blocked OR quota OR NOT paused) FOR UPDATE
     ), a AS (
       UPDATE account SET blocked = false, quota = false, not_before = '-infinity', failures = 0,
         state = CASE WHEN paused THEN state ELSE 'idle' END, reason = CASE WHEN paused THEN reason END,
         hint = CASE WHEN paused THEN hint END, until = NULL
       FROM was WHERE account.id = was.id RETURNING account.id
     ), cleared AS (
       UPDATE bundle b SET suspect = false, not_before = '-infinity' FROM a, destination d
       WHERE d.account_id = a.id AND b.destination_id = d.id AND b.suspect
     )
     SELECT halted FROM was`,
    [account],
  );
  return rows[0]?.halted ?? false;
}

/** Batches a dead driver left in the middle of a call: their outcome is unknown. @returns how many */
export async function adoptOrphans(db: Queryable, lease: Lease, settleDelayMs: number): Promise<number> {
  const { rowCount } = await db.query(
    // A webhook may have told the reference of a call whose answer nobody read.
    `UPDATE batch SET status = CASE WHEN reference IS NULL THEN 'unknown' ELSE 'accepted' END, fence = $2, outcome = 'unknown',
       message = 'the worker stopped before the answer came', answered_at = COALESCE(answered_at, clock_timestamp()),
       settle_at = clock_timestamp() + make_interval(secs => $3::float8 / 1000)
     WHERE account_id = $1 AND status = 'sending' AND fence <> $2`,
    [lease.accountId, lease.fence, settleDelayMs],
  );
  return rowCount ?? 0;
}

/** Unknown batches whose settle delay is over. */
export async function dueUnknown(db: Queryable, accountId: number): Promise<readonly { readonly id: number; readonly destination: string }[]> {
  const { rows } = await db.query<{ id: number; destination: string }>({
    name: 'due-unknown',
    text: `SELECT b.id, d.name AS destination FROM batch b JOIN destination d ON d.id = b.destination_id
      WHERE b.account_id = $1 AND b.status = 'unknown' AND b.settle_at <= clock_timestamp() ORDER BY b.id`,
    values: [accountId],
  });
  return rows;
}

/** The platform could not be asked about an unknown batch: it is held for longer. */
export async function holdLonger(db: Queryable, lease: Lease, batchId: number, forMs: number): Promise<void> {
  await db.query(
    `UPDATE batch SET settle_at = clock_timestamp() + make_interval(secs => $3::float8 / 1000) WHERE id = $1 AND account_id = $2 AND status = 'unknown'`,
    [batchId, lease.accountId, forMs],
  );
}

/** What is left to do on a lane, and when. */
export interface Outlook {
  /** Milliseconds until something held becomes due; null: nothing is held. */
  readonly dueMs: number | null;
  /** Some call ended without an answer and is not settled yet. */
  readonly unknown: boolean;
  /** Batches that were accepted and whose result is not known yet. */
  readonly accepted: number;
  /** A run is still staging rows for the account. */
  readonly feeding: boolean;
  /** Rows wait or are under way. */
  readonly open: boolean;
  /** Rows that wait and are not held as suspects. */
  readonly others: boolean;
}

export async function outlook(db: Queryable, accountId: number): Promise<Outlook> {
  const { rows } = await db.query<Outlook>({
    name: 'outlook',
    text: `WITH d AS (SELECT id FROM destination WHERE account_id = $1),
    held AS (
      SELECT min(b.settle_at) AS at FROM batch b WHERE b.account_id = $1 AND b.status = 'unknown'
      UNION ALL
      SELECT min(LEAST(b.settle_at, b.poll_at)) FROM batch b WHERE b.account_id = $1 AND b.status = 'accepted'
      UNION ALL
      SELECT min(bu.not_before) FROM bundle bu JOIN d ON bu.destination_id = d.id
        WHERE NOT bu.suspect AND bu.not_before > clock_timestamp() AND EXISTS (SELECT 1 FROM outbox o WHERE o.destination_id = d.id AND o.bundle = bu.id)
    )
    SELECT (SELECT CASE WHEN min(at) IS NOT NULL THEN GREATEST(EXTRACT(EPOCH FROM min(at) - clock_timestamp()) * 1000, 0)::float8 END
            FROM held WHERE isfinite(at)) AS "dueMs",
      EXISTS (SELECT 1 FROM batch b WHERE b.account_id = $1 AND b.status = 'unknown') AS unknown,
      (SELECT count(*) FROM batch b WHERE b.account_id = $1 AND b.status = 'accepted') AS accepted,
      EXISTS (SELECT 1 FROM run r JOIN sync s ON s.id = r.sync_id JOIN d ON d.id = s.destination_id WHERE r.extracting AND r.ended_at IS NULL) AS feeding,
      EXISTS (SELECT 1 FROM d, LATERAL (SELECT 1 FROM outbox o WHERE o.destination_id = d.id LIMIT 1) o)
        OR EXISTS (SELECT 1 FROM batch b WHERE b.account_id = $1 AND b.status IN ('sending', 'accepted', 'unknown')) AS open,
      EXISTS (SELECT 1 FROM d, LATERAL (SELECT 1 FROM outbox o WHERE o.destination_id = d.id AND o.bundle IS NULL LIMIT 1) o)
        OR EXISTS (SELECT 1 FROM bundle bu JOIN d ON d.id = bu.destination_id JOIN outbox o ON o.destination_id = d.id AND o.bundle = bu.id WHERE NOT bu.suspect)
        OR EXISTS (SELECT 1 FROM batch b WHERE b.account_id = $1 AND b.status IN ('sending', 'accepted', 'unknown')) AS others`,
    values: [accountId],
  });
  return rows[0] as Outlook;
}

/** Single rows refused without a witness. */
export async function countSuspects(db: Queryable, destinationId: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `SELECT count(*) AS count FROM bundle b WHERE b.destination_id = $1 AND b.suspect
       AND EXISTS (SELECT 1 FROM outbox o WHERE o.destination_id = $1 AND o.bundle = b.id)`,
    [destinationId],
  );
  return rows[0]?.count ?? 0;
}

/** What the platform said last when it refused a call of the account. */
export async function lastRefusal(db: Queryable, accountId: number): Promise<string | null> {
  const { rows } = await db.query<{ message: string | null }>(
    `SELECT message FROM batch WHERE account_id = $1 AND status = 'refused' AND outcome IN ('refused', 'unclear', 'accepted') ORDER BY id DESC LIMIT 1`,
    [accountId],
  );
  return rows[0]?.message ?? null;
}

/** A row was accepted: the suspects are tried once more, now beside a witness. */
export async function releaseSuspects(db: Queryable, destinationId: number): Promise<void> {
  await db.query(`UPDATE bundle SET suspect = false, not_before = '-infinity' WHERE destination_id = $1 AND suspect`, [destinationId]);
}

/** What a batch's past says, for deciding on its outcome. */
export interface BatchPast {
  readonly tries: number;
  readonly witnessed: boolean;
  readonly witnessedLately: boolean;
  readonly platformUp: boolean;
  readonly failures: number;
  /** Another row was delivered, not only accepted, since the search began, or within the last quarter of an hour. */
  readonly delivered: boolean;
  readonly deliveredLately: boolean;
}

export async function batchPast(db: Queryable, batchId: number): Promise<BatchPast> {
  const { rows } = await db.query<BatchPast>(
    // Successes side by side are noted once in a while only (settlement): the calls themselves tell the rest.
    `SELECT COALESCE(bu.tries, 0) AS tries, GREATEST(d.witness_at, taken.here) >= COALESCE(bu.root_at, b.started_at) AS witnessed,
       d.witness_at > clock_timestamp() - interval '15 minutes' AS "witnessedLately",
       GREATEST(a.last_success_at, taken.anywhere) > CASE WHEN bu.tries > 0 THEN bu.made_at ELSE b.started_at END AS "platformUp", a.failures,
       COALESCE(taken.here >= COALESCE(bu.root_at, b.started_at), false) AS delivered,
       COALESCE(taken.here > clock_timestamp() - interval '15 minutes', false) AS "deliveredLately"
     FROM batch b JOIN destination d ON d.id = b.destination_id JOIN account a ON a.id = b.account_id LEFT JOIN bundle bu ON bu.id = b.bundle
     CROSS JOIN LATERAL (
       SELECT max(x.settled_at) AS anywhere,
         -- A change of the configuration clears the witness, and with it what came shortly after it.
         max(x.settled_at) FILTER (WHERE x.destination_id = d.id AND x.settled_at < d.witness_at + interval '1 second') AS here
       FROM batch x WHERE x.id > b.id - 1000 AND x.account_id = b.account_id AND (
         x.status = 'settled' AND x.outcome IN ('answered', 'accepted') AND EXISTS (SELECT 1 FROM batch_run br WHERE br.batch_id = x.id AND br.delivered > 0))
     ) taken
     WHERE b.id = $1`,
    [batchId],
  );
  return rows[0] as BatchPast;
}

/** Accounts with rows waiting or under way. */
export async function accountsWithWork(pool: Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT a.name FROM account a WHERE
       EXISTS (SELECT 1 FROM destination d, LATERAL (SELECT 1 FROM outbox o WHERE o.destination_id = d.id LIMIT 1) o WHERE d.account_id = a.id)
       OR EXISTS (SELECT 1 FROM batch b WHERE b.account_id = a.id AND b.status IN ('sending', 'accepted', 'unknown'))
     ORDER BY a.name`,
  );
  return rows.map((row) => row.name);
}
