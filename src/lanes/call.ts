import {
  batchPast, blockLane, countSuspects, FenceLost, holdLane, holdPace, holdUnknown, lastRefusal, outlook, pauseForQuota, releaseSuspects, returnRows,
  settleAnswered, settleRejected, showLane, type CallRecord, type ClaimedBatch, type Lease, type Pool, type ReturnPart,
} from '../ledger/index.js';
import type { Outcome } from '../destinations/index.js';
import { decide, type Consequence, type Situation } from './decide.js';

/** What applying an outcome needs to know of the world. */
export interface ApplyContext {
  readonly pool: Pool;
  readonly lease: Lease;
  /** Milliseconds to hold contacts whose outcome is unknown. */
  readonly settleDelay: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Suspects after which it is the configuration and not the rows. */
const SUSPECTS_TO_BLOCK = 3;

const ONLY_SUSPECTS =
  'The platform refuses every row, so it is the configuration and no row is blamed. Correct it and run again, or `syncline lane resume`.';

/** Applies the outcome of one call: decides what follows and writes it down. Returns what was decided. */
export async function applyOutcome(context: ApplyContext, batch: ClaimedBatch, outcome: Outcome): Promise<Consequence> {
  const { pool, lease } = context;
  const past = outcome.kind === 'answered' ? undefined : await batchPast(pool, batch.id);
  const now: Situation = {
    rows: batch.rows.length, root: batch.bundle === null, random: context.random(), ...(past ?? NO_PAST),
  };
  const next = decide(outcome, now);
  const call: CallRecord = {
    outcome: outcome.kind,
    httpStatus: 'httpStatus' in outcome ? outcome.httpStatus : null,
    message: 'message' in outcome ? outcome.message : null,
  };
  const back = (status: 'refused' | 'split', parts: readonly ReturnPart[], spendsAttempt: boolean): Promise<void> =>
    returnRows(pool, lease, batch.id, { status, parts, spendsAttempt, keepRootOf: batch.bundle }, call);
  const whole = (tries: number, suspect: boolean, delayMs: number): readonly ReturnPart[] => [{ fromOrd: 0, bundle: { tries, suspect, delayMs } }];
  const asItWas = batch.bundle === null ? [{ fromOrd: 0, bundle: null }] : whole(now.tries, false, 0);

  switch (next.do) {
    case 'settle':
      await settleAnswered(pool, lease, batch.id, next.failed, call);
      if (next.failed.length < batch.rows.length) await releaseSuspects(pool, batch.destinationId);
      break;
    case 'reject':
      await settleRejected(pool, lease, batch.id, next.code, next.reason, call);
      break;
    case 'split': {
      let fromOrd = 0;
      const parts = next.sizes.filter((size) => size > 0).map((size) => {
        const part: ReturnPart = { fromOrd, bundle: { tries: 0, suspect: false, delayMs: 0 } };
        fromOrd += size;
        return part;
      });
      await back('split', parts, true);
      break;
    }
    case 'suspect':
      await back('refused', whole(0, true, 0), true);
      await blockIfOnlySuspects(context, batch.destinationId, next.reason);
      break;
    case 'again':
      // First the hold, as with a block: a call that left in between would be refused again.
      if (next.laneMs > 0) {
        // A platform that does not say how long is asked ever more seldom, as in an outage.
        await holdLane(pool, lease, next.laneMs, next.outage || (outcome.kind === 'throttled' && outcome.retryAfterMs === null));
        if (!next.outage) await holdPace(pool, lease.accountId, 'main', next.laneMs);
        await showLane(pool, lease.accountId, { state: next.state, reason: next.reason, untilMs: next.laneMs });
      }
      await back('refused', next.rowsMs === null ? asItWas : whole(next.outage ? now.tries + 1 : now.tries, false, next.rowsMs), next.spendsAttempt);
      break;
    case 'block':
      // First the block: rows that are back in the outbox are claimed within milliseconds.
      await blockLane(pool, lease, next.reason, next.hint);
      await back('refused', asItWas, false);
      break;
    case 'pause':
      await pauseForQuota(pool, lease, next.until, next.reason);
      await back('refused', asItWas, false);
      break;
    case 'hold':
      await holdUnknown(pool, lease, batch.id, context.settleDelay, call);
      break;
    case 'await':
      throw new Error(`this platform's later results are not supported: ${next.reference}`);
  }
  return next;
}

const NO_PAST = { tries: 0, witnessed: false, witnessedLately: false, platformUp: true, failures: 0 };

/**
 * Three rows refused apart, or every row there is, with none accepted: it is the configuration, not the rows.
 */
async function blockIfOnlySuspects(context: ApplyContext, destinationId: number, reason: string): Promise<void> {
  const suspects = await countSuspects(context.pool, destinationId);
  const enough = suspects >= SUSPECTS_TO_BLOCK || (suspects > 0 && !(await outlook(context.pool, context.lease.accountId)).others);
  if (enough) await blockLane(context.pool, context.lease, reason, ONLY_SUSPECTS);
}

/** Blocks a lane on which nothing is left but rows that were refused without a witness: nothing else will ever tell. */
export async function blockOnSuspects(pool: Pool, lease: Lease): Promise<void> {
  await blockLane(pool, lease, (await lastRefusal(pool, lease.accountId)) ?? 'the platform refused every row', ONLY_SUSPECTS);
}

/** Puts the rows of an unknown batch back once its settle delay is over: their newest version is sent again. */
export async function settleUnknown(pool: Pool, lease: Lease, batchId: number): Promise<void> {
  try {
    await returnRows(
      pool, lease, batchId,
      { status: 'settled', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null },
      { outcome: 'unknown', httpStatus: null, message: null },
    );
  } catch (error) {
    if (!(error instanceof FenceLost)) throw error;
  }
}
