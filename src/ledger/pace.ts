import type { Queryable } from './database.js';

/** A budget of one account: no more than `calls` calls in any window of `per` milliseconds. */
export interface Budget {
  readonly accountId: number;
  /** `main`, or `read` where the platform counts reads apart. */
  readonly bucket: 'main' | 'read';
  readonly calls: number;
  readonly per: number;
  /** Milliseconds between the starts of two calls, at least. @default 0 */
  readonly gap?: number;
  /**
   * Above 0: calls of the account go one at a time, whatever their budget: none leaves while one that started within
   * so many milliseconds (a call's deadline) is unanswered, and the window counts from the answer alone. @default 0
   */
  readonly alone?: number;
  /** Calls that may leave at once after a pause before even spacing begins. */
  readonly credit: number;
}

export interface Reservation {
  /** Number of the reserved call; null: nothing was reserved, ask again in `waitMs`. */
  readonly call: number | null;
  /** Milliseconds until the call may leave. */
  readonly waitMs: number;
  /** The ledger's clock when it was reserved: milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Reserves the next call of a budget on the ledger's clock.
 *
 * Call n leaves no earlier than the earlier of: the answer of call n−k plus the window (always safe, since the
 * platform counted it before it answered), its start plus the window plus 2 % and at least 250 ms (150 ms met
 * a 429 now and then on a machine with four times more to do than it can). Within
 * that rule calls are spread evenly, with some credit. One row lock orders every process that shares the account.
 *
 * @param maxWaitMs reserve only what may leave within this time
 */
export async function reserveCall(db: Queryable, budget: Budget, maxWaitMs: number): Promise<Reservation> {
  const gapMs = budget.per / budget.calls;
  const marginMs = Math.max(budget.per * 0.02, 250);
  const { rows } = await db.query<{ call: number | null; wait: number; now: number }>({
    name: 'reserve-call',
    text: 'SELECT call, wait_ms AS wait, now_ms AS now FROM reserve_call($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
    values: [budget.accountId, budget.bucket, budget.calls, budget.per, gapMs, budget.gap ?? 0, budget.alone ?? 0, budget.credit, marginMs, maxWaitMs],
  });
  const row = rows[0] as { call: number | null; wait: number; now: number };
  return { call: row.call, waitMs: row.wait, nowMs: row.now };
}

/**
 * Notes that a reserved call was answered.
 * @param atMs when, on the ledger's clock, milliseconds since 1970; null: now
 */
export async function callAnswered(db: Queryable, accountId: number, bucket: Budget['bucket'], call: number, atMs: number | null = null): Promise<void> {
  await db.query({
    name: 'call-answered',
    text: `UPDATE pace_slot SET answered_at = LEAST(clock_timestamp(), COALESCE(to_timestamp($4::float8 / 1000), clock_timestamp()))
      WHERE account_id = $1 AND bucket = $2 AND call = $3`,
    values: [accountId, bucket, call, atMs],
  });
}

/** Notes that a reserved call leaves only now: its window counts from here. */
export async function callLeftLate(db: Queryable, accountId: number, bucket: Budget['bucket'], call: number): Promise<void> {
  await db.query(
    `UPDATE pace_slot SET started_at = GREATEST(started_at, clock_timestamp()) WHERE account_id = $1 AND bucket = $2 AND call = $3`,
    [accountId, bucket, call],
  );
}

/** Gives a reservation back that was never used: its place in the window, and in the even spacing. */
export async function callNotMade(db: Queryable, budget: Budget, call: number): Promise<void> {
  await db.query(
    // The budget's row first, as a reservation locks it.
    `WITH p AS (
       UPDATE pace SET even_at = even_at - make_interval(secs => $4::float8 / 1000),
         -- The last one is as if it had never been; before others it can only be marked.
         next_call = CASE WHEN next_call = $3 + 1 THEN $3 ELSE next_call END
       WHERE account_id = $1 AND bucket = $2 RETURNING account_id, bucket, next_call
     ), gone AS (
       DELETE FROM pace_slot s USING p WHERE s.account_id = p.account_id AND s.bucket = p.bucket AND s.call = $3 AND p.next_call = $3
     )
     UPDATE pace_slot s SET started_at = '-infinity', answered_at = '-infinity' FROM p
     WHERE s.account_id = p.account_id AND s.bucket = p.bucket AND s.call = $3 AND p.next_call <> $3`,
    [budget.accountId, budget.bucket, call, budget.per / budget.calls],
  );
}

/** The platform says: no call before so many milliseconds from now. */
export async function holdPace(db: Queryable, accountId: number, bucket: Budget['bucket'], forMs: number): Promise<void> {
  await db.query(
    `UPDATE pace SET not_before = GREATEST(not_before, clock_timestamp() + make_interval(secs => $3::float8 / 1000))
     WHERE account_id = $1 AND bucket = $2`,
    [accountId, bucket, forMs],
  );
}

/** Calls a dead driver left unanswered are over: where calls go one at a time the next one waits its window from here. */
export async function callsAbandoned(db: Queryable, accountId: number, bucket: Budget['bucket']): Promise<void> {
  await db.query('UPDATE pace_slot SET answered_at = clock_timestamp() WHERE account_id = $1 AND bucket = $2 AND answered_at IS NULL', [accountId, bucket]);
}
