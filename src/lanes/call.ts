import {
  batchPast, blockLane, countSuspects, FenceLost, holdLane, holdPace, holdUnknown, lastRefusal, outlook, pauseForQuota, recordAccepted,
  releaseSuspects, returnRows, settleAnswered, settleLanded, settleRejected, showLane, type CallRecord, type Lease, type Pool, type ReturnPart,
} from '../ledger/index.js';
import type { Outcome } from '../destinations/index.js';
import { backoffMs, decide, type Consequence, type Situation } from './decide.js';

/** What applying an outcome needs to know of the world. */
export interface ApplyContext {
  readonly pool: Pool;
  readonly lease: Lease;
  /** Milliseconds to hold contacts whose outcome is unknown. */
  readonly settleDelay: number;
  /** Milliseconds to wait for the result of an accepted batch, at most, and until it is first asked for. */
  readonly resultsWithin: number;
  readonly firstPoll: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Suspects after which it is the configuration and not the rows. */
const SUSPECTS_TO_BLOCK = 3;

const ONLY_SUSPECTS =
  'The platform refuses every row, so it is the configuration and no row is blamed. Correct it and run again, or `syncline lane resume`.';

/** The call an outcome belongs to. */
export interface CalledBatch {
  readonly id: number;
  readonly destinationId: number;
  readonly bundle: number | null;
  readonly rows: number;
  /** The platform had accepted it, and this is the result it told later. */
  readonly later?: boolean;
}

/** Applies the outcome of one call: decides what follows and writes it down. Returns what was decided. */
export async function applyOutcome(context: ApplyContext, batch: CalledBatch, outcome: Outcome): Promise<Consequence> {
  const { pool, lease } = context;
  const past = outcome.kind === 'answered' ? undefined : await batchPast(pool, batch.id);
  const now: Situation = {
    rows: batch.rows, root: batch.bundle === null, random: context.random(), ...(past ?? NO_PAST),
    // Whoever was accepted and failed later is no witness, nor is anybody else who was only accepted.
    ...(past !== undefined && batch.later === true && { witnessed: past.delivered, witnessedLately: past.deliveredLately }),
  };
  const next = decide(outcome, now);
  const call: CallRecord = {
    outcome: outcome.kind,
    httpStatus: 'httpStatus' in outcome ? outcome.httpStatus : null,
    message: 'message' in outcome ? outcome.message : null,
  };
  const back = (status: 'refused' | 'split', parts: readonly ReturnPart[], spendsAttempt: boolean): Promise<void> =>
    returnRows(pool, lease, batch.id, { status, parts, spendsAttempt, keepRootOf: batch.bundle, faulty: FAULTY.has(outcome.kind) && batch.later !== true }, call);
  const whole = (tries: number, suspect: boolean, delayMs: number): readonly ReturnPart[] => [{ fromOrd: 0, bundle: { tries, suspect, delayMs } }];
  const asItWas = batch.bundle === null ? [{ fromOrd: 0, bundle: null }] : whole(now.tries, false, 0);

  switch (next.do) {
    case 'settle':
      await settleAnswered(pool, lease, batch.id, next.answer, call);
      if (next.answer.failed.length < batch.rows) await releaseSuspects(pool, batch.destinationId);
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
      await recordAccepted(pool, lease, batch.id, {
        reference: next.accepted.reference, notes: next.accepted.notes ?? [], unknownIds: next.accepted.unknownIds ?? [],
        pollInMs: context.firstPoll, withinMs: context.resultsWithin,
      }, call);
      await releaseSuspects(pool, batch.destinationId);
  }
  return next;
}

/** Outcomes that tell of a fault in the call itself. */
const FAULTY: ReadonlySet<Outcome['kind']> = new Set(['refused', 'unclear']);

/**
 * Applies trouble in getting ready for a call (a log-in) or in asking for a result: no batch is concerned, only the lane.
 * @returns false where it was no trouble
 */
export async function applyTrouble({ pool, lease, random }: Pick<ApplyContext, 'pool' | 'lease' | 'random'>, outcome: Outcome, failures: number): Promise<boolean> {
  const next = decide(outcome, { ...NO_PAST, platformUp: false, rows: 1, root: true, failures, random: random() });
  if (next.do === 'block') await blockLane(pool, lease, next.reason, next.hint);
  else if (next.do === 'pause') await pauseForQuota(pool, lease, next.until, next.reason);
  else if ((next.do === 'again' && next.laneMs > 0) || next.do === 'hold') {
    const ms = next.do === 'again' ? next.laneMs : backoffMs(failures, random());
    await holdLane(pool, lease, ms, outcome.kind !== 'throttled' || outcome.retryAfterMs === null);
    if (outcome.kind === 'throttled') await holdPace(pool, lease.accountId, 'main', ms);
    await showLane(pool, lease.accountId, { state: next.do === 'again' ? next.state : 'backing_off', reason: next.reason, untilMs: ms });
  } else return false;
  return true;
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

const UNKNOWN: CallRecord = { outcome: 'unknown', httpStatus: null, message: null };

/**
 * Settles an unknown batch whose settle delay is over.
 * @param landed positions of the rows that are known to have arrived; null: nobody could be asked, so all of them are
 * sent again, in their newest version
 */
export async function settleUnknown(pool: Pool, lease: Lease, batchId: number, landed: readonly number[] | null): Promise<void> {
  try {
    if (landed !== null) await settleLanded(pool, lease, batchId, landed, UNKNOWN);
    else {
      await returnRows(pool, lease, batchId, { status: 'settled', parts: [{ fromOrd: 0, bundle: null }], spendsAttempt: true, keepRootOf: null }, UNKNOWN);
    }
  } catch (error) {
    if (!(error instanceof FenceLost)) throw error;
  }
}
