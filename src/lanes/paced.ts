import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits } from '../config/index.js';
import type { Paced } from '../destinations/index.js';
import { callAnswered, reserveCall, type Budget, type Pool } from '../ledger/index.js';
import { withDeadline } from '../http/index.js';
import type { Observer } from '../telemetry/index.js';

/** Longest turn one call waits for before it asks again. Milliseconds. */
const TURN_MS = 5_000;
/**
 * Where calls go one at a time, a turn that is held blocks every other call of the account: it is taken only when it
 * may be used at once, and the account is left alone for so long between two of them, at most (less where turns come
 * closer anyway), so that a send finds its place. Milliseconds.
 */
const BREATH_MS = 100;
const NEVER = new AbortController().signal;

/** The budget an account's reads come from: their own where the platform counts them apart. */
export function readBudget(accountId: number, limits: Limits, timeoutMs: number): Budget {
  // Where calls go one at a time, a read neither leaves beside an unanswered call nor lets one leave beside it.
  const alone = limits.concurrency === 1 ? timeoutMs : 0;
  const { read } = limits;
  return read
    ? { accountId, bucket: 'read', calls: read.calls, per: read.per, alone, credit: 1 }
    : { accountId, bucket: 'main', calls: limits.calls, per: limits.per, ...(limits.gap === undefined ? {} : { gap: limits.gap }), alone, credit: 1 };
}

/** By whom, and under what names, calls are seen. */
export interface Seen {
  readonly observer: Observer | undefined;
  readonly account: string;
  readonly destination: string;
  /** Told how many milliseconds it is until there may be a turn, each time it has to wait for one. */
  readonly onWait?: (ms: number) => Promise<void>;
}

/**
 * Has calls that are not sends (reads, log-ins) take their turn in the account's budget, beside its sends.
 * @param timeoutMs deadline of one call, milliseconds
 * @param signal ends the wait for a turn and the call under way; its reason is thrown
 */
export function pacedCalls(pool: Pool, accountId: number, limits: Limits, timeoutMs: number, signal?: AbortSignal, seen?: Seen): Paced {
  const budget = readBudget(accountId, limits, timeoutMs);
  const alone = (budget.alone ?? 0) > 0;
  const breathMs = Math.min(BREATH_MS, budget.per / budget.calls);
  let free = 0;
  return async (call) => {
    const askedAt = performance.now();
    for (;;) {
      signal?.throwIfAborted();
      if (alone && free > performance.now()) await pause(free - performance.now(), signal);
      const turn = await reserveCall(pool, budget, alone ? 0 : TURN_MS);
      if (turn.call === null) {
        await seen?.onWait?.(turn.waitMs);
        await pause(Math.min(turn.waitMs, TURN_MS), signal);
        continue;
      }
      try {
        if (turn.waitMs > 0) await pause(turn.waitMs, signal);
        return await watched(() => withDeadline(signal ?? NEVER, timeoutMs, call), performance.now() - askedAt, seen);
      } finally {
        // Also where it was given up before it left: a turn that is lost costs less than one that is taken twice.
        await callAnswered(pool, accountId, budget.bucket, turn.call);
        free = performance.now() + breathMs;
      }
    }
  };
}

/** What a limit allows, in words: `news allows one call a minute`. */
export function paceWords(destination: string, { calls, per }: Pick<Limits, 'calls' | 'per'>): string {
  const [unit] = ([[1_000, 'a second'], [60_000, 'a minute'], [3_600_000, 'an hour']] as const).filter(([ms]) => ms === per);
  return `${destination} allows ${calls === 1 ? 'one call' : `${calls} calls`} ${unit?.[1] ?? `in ${per / 1000} s`}`;
}

/** Makes the call, and tells of it. */
async function watched<T>(call: () => Promise<T>, waitedMs: number, seen: Seen | undefined): Promise<T> {
  if (seen?.observer === undefined) return call();
  const { observer, account, destination } = seen;
  observer.paced(account, waitedMs / 1000);
  const startedAt = Date.now();
  const began = performance.now();
  const tell = (answered: boolean): void => { observer.asked({ account, destination, answered, startedAt, tookMs: performance.now() - began }); };
  try {
    const answer = await call();
    tell(true);
    return answer;
  } catch (error) {
    tell(false);
    throw error;
  }
}

/** Sleeps; on an abort throws the signal's own reason. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
