import type { Outcome } from '../destinations/index.js';
import type { Answer } from '../ledger/index.js';

/** What the lane knows when a call's outcome comes in. */
export interface Situation {
  /** Rows in the call. */
  readonly rows: number;
  /** Calls of these very rows that failed by an outage, this one not counted. */
  readonly tries: number;
  /** Another row was accepted under the same configuration since the search for this call's fault began. */
  readonly witnessed: boolean;
  /** Another row was accepted under the same configuration within the last quarter of an hour. */
  readonly witnessedLately: boolean;
  /** The call is the first of its search: nothing has been split yet. */
  readonly root: boolean;
  /** Some call of the account succeeded since these rows first failed. */
  readonly platformUp: boolean;
  /** Lane-wide failures in a row before this one. */
  readonly failures: number;
  /** In [0, 1), for jitter. */
  readonly random: number;
}

/** What follows from an outcome. One place decides; connectors only report. */
export type Consequence =
  | { readonly do: 'settle'; readonly answer: Answer }
  /** The result comes later: poll for it. */
  | { readonly do: 'await'; readonly accepted: Extract<Outcome, { kind: 'accepted' }> }
  /** Every row of this call is at fault by itself. */
  | { readonly do: 'reject'; readonly code: string; readonly reason: string }
  /** Send parts of it apart; sizes in order, their sum the rows of the call. */
  | { readonly do: 'split'; readonly sizes: readonly number[] }
  /** One row, refused without a witness: keep it aside until another is accepted. */
  | { readonly do: 'suspect'; readonly reason: string }
  /** Back into the queue; `laneMs` holds all calls, `rowsMs` these rows (null: they may fill any call). */
  | { readonly do: 'again'; readonly state: 'sending' | 'waiting' | 'backing_off'; readonly laneMs: number; readonly rowsMs: number | null; readonly spendsAttempt: boolean; readonly outage: boolean; readonly reason: string }
  | { readonly do: 'block'; readonly reason: string; readonly hint: string }
  | { readonly do: 'pause'; readonly until: string | null; readonly reason: string }
  /** Nobody knows: hold the contacts, then send their newest version. */
  | { readonly do: 'hold'; readonly reason: string };

/** Tries of the same rows before another batch goes first. */
export const STUBBORN_AFTER = 3;
/** Rows of a first refused call that may be blamed on an earlier, recent witness. */
const FEW_ROWS = 10;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 300_000;

/** Exponential from half a second to five minutes, between half and the whole of it at random. */
export function backoffMs(failures: number, random: number): number {
  const whole = Math.min(FIRST_BACKOFF_MS * 2 ** Math.max(0, failures), LONGEST_BACKOFF_MS);
  return Math.round(whole * (0.5 + random / 2));
}

/**
 * Maps what a connector reports to what follows (design: Outcomes).
 * An outage never rejects a row; a refused row is rejected only beside a witness.
 */
export function decide(outcome: Outcome, now: Situation): Consequence {
  switch (outcome.kind) {
    case 'answered':
      return {
        do: 'settle',
        answer: {
          failed: outcome.failed, ...(outcome.absent && { absent: outcome.absent }), ...(outcome.warnings && { notes: outcome.warnings }),
          ...(outcome.receipt && { receipt: outcome.receipt }),
        },
      };
    case 'accepted':
      return { do: 'await', accepted: outcome };
    case 'failed':
      // It may have been the platform's own trouble: once more as it was, then in parts, like a refused call.
      if (now.tries === 0) return { do: 'again', state: 'sending', laneMs: 0, rowsMs: backoffMs(1, now.random), spendsAttempt: true, outage: true, reason: outcome.message };
      return refused(outcome.message, now, hasWitness(now));
    case 'expired':
      return { do: 'again', state: 'sending', laneMs: 0, rowsMs: null, spendsAttempt: false, outage: false, reason: outcome.message };
    case 'refused':
      return refused(outcome.message, now, hasWitness(now));
    case 'unclear':
      return refused(outcome.message, now, outcome.accepted > 0 || hasWitness(now));
    case 'throttled': {
      const wait = outcome.retryAfterMs ?? backoffMs(now.failures + 1, now.random);
      return { do: 'again', state: 'waiting', laneMs: Math.max(wait, 100), rowsMs: null, spendsAttempt: false, outage: false, reason: outcome.message };
    }
    case 'quota':
      return { do: 'pause', until: outcome.until, reason: outcome.message };
    case 'unauthenticated':
    case 'misconfigured':
      return { do: 'block', reason: outcome.message, hint: outcome.hint };
    case 'unavailable':
      return unavailable(outcome.message, outcome.httpStatus, now);
    case 'unknown':
      return { do: 'hold', reason: outcome.message };
  }
}

/** Somebody else was accepted since the search began; for a handful of rows, lately is enough. */
function hasWitness(now: Situation): boolean {
  return now.witnessed || (now.root && now.rows <= FEW_ROWS && now.witnessedLately);
}

function refused(message: string, now: Situation, witness: boolean): Consequence {
  if (now.rows === 1) return witness ? { do: 'reject', code: 'refused', reason: message } : { do: 'suspect', reason: message };
  const half = Math.ceil(now.rows / 2);
  // Without a witness a single row is peeled off: it tells a bad row from a bad configuration in few calls.
  if (!witness && now.rows > 2) return { do: 'split', sizes: [half - 1, 1, now.rows - half] };
  return { do: 'split', sizes: [half, now.rows - half] };
}

function unavailable(message: string, httpStatus: number | null, now: Situation): Consequence {
  const tries = now.tries + 1;
  // To be rejected, a row must have failed while others passed. To be split, it is enough that some passed since its trouble
  // began: where nothing else is left to send, nothing else would ever tell, and good rows would wait for a bad one.
  if (tries >= STUBBORN_AFTER && httpStatus !== null && (now.platformUp || (now.witnessed && now.rows > 1))) {
    if (now.rows === 1) return { do: 'reject', code: `http_${httpStatus}`, reason: `${message} (for this contact alone, while others were accepted)` };
    const half = Math.ceil(now.rows / 2);
    return { do: 'split', sizes: [half, now.rows - half] };
  }
  const rowsMs = backoffMs(tries - 1, now.random);
  if (now.platformUp) return { do: 'again', state: 'sending', laneMs: 0, rowsMs, spendsAttempt: true, outage: true, reason: message };
  const laneMs = backoffMs(now.failures, now.random);
  // After three tries another batch goes first when the lane wakes: these rows stay back a little longer.
  return { do: 'again', state: 'backing_off', laneMs, rowsMs: tries >= STUBBORN_AFTER ? laneMs + rowsMs : laneMs, spendsAttempt: true, outage: true, reason: message };
}
