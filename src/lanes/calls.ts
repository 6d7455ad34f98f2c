import { setTimeout as sleep } from 'node:timers/promises';
import {
  callAnswered, callLeftLate, callNotMade, claimBatch, holdLonger, noteLetIn, pollLater, regrants, reserveCall, runsOfBatch, sentRows, showLane, takenBack, type Budget, type Claimable, type ClaimedBatch,
  type DuePoll, type LaneRow, type Lease, type Pool,
} from '../ledger/index.js';
import { ACTION, DestinationError, type Capabilities, type Later, type Outcome, type OutgoingBatch, type OutgoingRow } from '../destinations/index.js';
import { withDeadline } from '../http/index.js';
import type { Observer, SeenCall } from '../telemetry/index.js';
import { applyOutcome, applyTrouble, settleUnknown, type ApplyContext } from './call.js';
import { LedgerClock } from './clock.js';
import type { Driven } from './drive-options.js';
import type { OpenQueue } from './open-queue.js';
import { pacedCalls, paceWords, readBudget, type Seen } from './paced.js';
import { pollDelayMs, type Results } from './results.js';

/** A reserved call: never earlier than `notBefore`, planned for `departsAt` (by `performance.now()`). */
export interface Reserved {
  readonly budget: Budget;
  readonly call: number;
  readonly notBefore: number;
  readonly departsAt: number;
}

export interface CallsOptions {
  readonly pool: Pool;
  readonly lease: Lease;
  /** No call begins after it. */
  readonly stop: AbortSignal;
  /** Aborted when the lease is lost: calls under way are cut. */
  readonly lost: AbortSignal;
  readonly random: () => number;
  readonly queue: OpenQueue;
  readonly results: Results;
  /** Batches that were written to. */
  readonly touched: number[];
  readonly onCall?: (calls: number) => void;
  readonly account: string;
  readonly observer?: Observer | undefined;
}

/** How early rows are claimed before their call may leave, so that the call leaves on the dot. Milliseconds. */
const LEAD_MS = 60;
/** A call that leaves so long after its time is written down as leaving when it does. Milliseconds. */
const LATE_MS = 50;
/** A wait for a log-in's turn from which on the lane tells of it. Milliseconds. */
const LONG_LOGIN_MS = 1_000;
const RESULTS_WITHIN_MS = 1_800_000;
/** Results that can be told from the answer to a poll; anything else is trouble in asking. */
const FINAL: ReadonlySet<Later['kind']> = new Set(['answered', 'unclear', 'failed', 'refused']);

/** Makes a driver's calls: each reserved in the pace, written down before it leaves, and its outcome after. */
export class Calls {
  made = 0;
  claims = 0;
  private readonly inFlight = new Set<Promise<void>>();
  private readonly clock = new LedgerClock();
  private leadMs = LEAD_MS;
  private failure: unknown;

  constructor(private readonly options: CallsOptions) {}

  get flying(): number {
    return this.inFlight.size;
  }

  get failed(): boolean {
    return this.failure !== undefined;
  }

  /** Whether the next call is the one in ten in which the lowest class goes before the middle ones. */
  shares(lane: LaneRow): boolean {
    return (lane.claims + this.claims) % 10 === 9;
  }

  /** Until one call under way has ended, or `ms` have passed. */
  async oneLands(ms?: number): Promise<void> {
    await Promise.race(ms === undefined ? this.inFlight : [...this.inFlight, sleep(ms)]);
  }

  /** Until all calls under way have ended. @throws what one of them threw */
  async landed(): Promise<void> {
    await Promise.all(this.inFlight);
    if (this.failure !== undefined) throw this.failure as Error;
  }

  /** Makes sure the destination has a token. @returns false: it has none, and the lane shows why */
  async authorised(lane: LaneRow, { destination, limits, timeout }: Driven, name: string): Promise<boolean> {
    if (destination.authorise === undefined) return true;
    const { pool, lease, stop, random } = this.options;
    let shown = false;
    // A log-in takes a turn, and where calls are far between that is a minute in which nothing else is to be seen.
    const onWait = async (ms: number): Promise<void> => {
      if (ms < LONG_LOGIN_MS) return;
      shown = true;
      await showLane(pool, lane.id, { state: 'waiting', reason: `${paceWords(name, limits)}, and the log-in takes one`, untilMs: ms });
    };
    try {
      const trouble = await destination.authorise(pacedCalls(pool, lease.accountId, limits, timeout, stop, { ...this.seen(name), onWait }), stop);
      // Given up only because this worker stops: nothing that counts against the platform.
      if (stop.aborted) return false;
      if (shown) await showLane(pool, lane.id, { state: 'sending' });
      return trouble === null || !(await applyTrouble({ pool, lease, random }, trouble, lane.failures));
    } catch (error) {
      if (stop.aborted) return false;
      throw error;
    }
  }

  /** Reserves the next call where it may leave within `maxWaitMs`; else tells how long it is. */
  async reserve({ limits, timeout }: Driven, from: 'main' | 'read', maxWaitMs: number): Promise<Reserved | { readonly waitMs: number }> {
    const { accountId } = this.options.lease;
    const budget: Budget = from === 'read' ? readBudget(accountId, limits, timeout) : readBudget(accountId, withoutReads(limits), timeout);
    const askedAt = performance.now();
    const reserved = await reserveCall(this.options.pool, budget, maxWaitMs);
    this.clock.observe(askedAt, performance.now(), reserved.nowMs);
    if (reserved.call === null) return { waitMs: reserved.waitMs };
    // What is known of the ledger's clock is often tighter than the time this answer took to come.
    const notBefore = askedAt + reserved.waitMs;
    const departsAt = Math.max(notBefore, Math.min(performance.now() + reserved.waitMs, this.clock.here(reserved.nowMs + reserved.waitMs)));
    return { budget, call: reserved.call, notBefore, departsAt };
  }

  /** Claims the rows of a call, of all or only opt-outs and erasures, and sends it off; its outcome is applied when it comes. */
  async send(lane: LaneRow, group: Claimable, driven: Driven, place: Reserved, onlyOptOuts: boolean): Promise<void> {
    const { pool, lease, stop, queue } = this.options;
    const { departsAt } = place;
    const waitMs = departsAt - performance.now();
    if (waitMs > 0) this.options.observer?.paced(this.options.account, waitMs / 1000);
    if (waitMs > this.leadMs) await sleep(waitMs - this.leadMs, undefined, { signal: stop }).catch(() => undefined);
    const claimsAt = performance.now();
    const { capabilities } = driven.destination;
    const batch = stop.aborted
      ? undefined
      : await claimBatch(pool, lease, group, Math.min(driven.batchSize, mostRows(capabilities, group)), {
        share: this.shares(lane), departsInMs: Math.max(departsAt - performance.now(), 0), floors: queue.floors,
        identified: capabilities.matchedBy === 'identity', onlyOptOuts, held: queue.urgentOnly,
      });
    // Claims take longer on a busy machine: what the last ones took, with some room, slowly forgotten.
    this.leadMs = Math.min(Math.max(this.leadMs * 0.9, (performance.now() - claimsAt) * 1.5, LEAD_MS), 1_000);
    if (batch === undefined) {
      await callNotMade(pool, place.budget, place.call);
      queue.passOver(group);
      return;
    }
    this.claims += 1;
    queue.claimed(batch);
    if (lane.state !== 'sending') await showLane(pool, lane.id, { state: 'sending' });
    const outgoing: OutgoingBatch = { id: String(batch.id), form: batch.form, rows: batch.rows };
    driven.destination.compose?.(outgoing);
    this.take(this.fly(batch, outgoing, driven, place, group.destination));
  }

  /** Asks for the result of an accepted batch. */
  poll(lane: LaneRow, poll: DuePoll, driven: Driven, place: Reserved): void {
    const answered = this.options.results.taken(poll);
    this.take(this.ask(lane, poll, driven, place).finally(answered));
  }

  /** Settles a call without an answer: where sending it again could do harm, the platform is asked what arrived. */
  async settleUnknown(batchId: number, driven: Driven | undefined, name: string): Promise<void> {
    const { pool, lease, stop } = this.options;
    if (driven?.destination.resolve === undefined) {
      await settleUnknown(pool, lease, batchId, null);
      return;
    }
    const { form, rows } = await sentRows(pool, batchId);
    try {
      const paced = pacedCalls(pool, lease.accountId, driven.limits, driven.timeout, stop, this.seen(name));
      await settleUnknown(pool, lease, batchId, await driven.destination.resolve({ id: String(batchId), form, rows }, paced, stop));
    } catch (error) {
      if (!(error instanceof DestinationError) && !stop.aborted) throw error;
      await holdLonger(pool, lease, batchId, driven.settleDelay);
    }
  }

  private take(flight: Promise<void>): void {
    const caught = flight.catch((error: unknown) => {
      this.failure ??= error;
    });
    this.inFlight.add(caught);
    void caught.then(() => this.inFlight.delete(caught));
  }

  /** Waits for the call's time. @returns false: it must not leave any more */
  private async departs({ budget, call, departsAt, notBefore }: Reserved): Promise<boolean> {
    // Not to be cut short: a call that left early would break the pace.
    const early = departsAt - performance.now();
    if (early > 0) await sleep(Math.ceil(early));
    if (this.options.lost.aborted) return false;
    if (performance.now() - notBefore > LATE_MS) void callLeftLate(this.options.pool, budget.accountId, budget.bucket, call).catch(() => undefined);
    return true;
  }

  private async fly(batch: ClaimedBatch, outgoing: OutgoingBatch, driven: Driven, place: Reserved, name: string): Promise<void> {
    const { pool, lost, touched } = this.options;
    const trouble = await this.letBackIn(batch, outgoing, driven, name).catch((error: unknown) => {
      if (lost.aborted) return null;
      throw error;
    });
    if (trouble !== null) {
      await Promise.all([callNotMade(pool, place.budget, place.call), applyOutcome(this.context(driven), { ...batch, rows: batch.rows.length }, trouble)]);
      return;
    }
    if (!(await this.departs(place))) return;
    let answered: number | undefined;
    const began = performance.now();
    const outcome: Outcome = await withDeadline(lost, driven.timeout, (signal) => driven.destination.send(outgoing, signal, () => { answered ??= performance.now(); }));
    const told = this.tell({ kind: 'send', destination: name, batch: batch.id, rows: batch.rows.length, ...ended(outcome, began) });
    const answeredAt = this.clock.at(answered ?? performance.now());
    this.made += 1;
    this.options.onCall?.(this.made);
    touched.push(batch.id);
    if (outcome.kind === 'accepted') this.options.results.expected = true;
    await Promise.all([
      callAnswered(pool, place.budget.accountId, place.budget.bucket, place.call, answeredAt),
      applyOutcome(this.context(driven), { ...batch, rows: batch.rows.length }, outcome),
      told,
    ]);
  }

  private seen(destination: string): Seen {
    return { observer: this.options.observer, account: this.options.account, destination };
  }

  /** Tells who watches of a call. That it cannot tell whose rows were in it is no reason to lose the call's outcome. */
  private async tell(call: Omit<SeenCall, 'account' | 'runs'>): Promise<void> {
    const { observer, account, pool } = this.options;
    if (observer === undefined) return;
    const runs = await runsOfBatch(pool, call.batch).catch(() => []);
    observer.called({ ...call, account, runs });
  }

  /**
   * Before people who had opted out at this platform are opted in again, as they said so since, its own list must let go
   * of them, or they are never mailed. @returns why that failed, so that the call must not leave; null: it may
   */
  private async letBackIn(batch: ClaimedBatch, { rows }: OutgoingBatch, { destination, limits, timeout }: Driven, name: string): Promise<Outcome | null> {
    if (destination.letBackIn === undefined) return null;
    const { pool, lease, lost, stop } = this.options;
    const paced = pacedCalls(pool, lease.accountId, limits, timeout, lost, this.seen(name));
    let told = 0;
    // Asked anew for each: who leaves meanwhile must not be taken off the list.
    for (let [ord] = await regrants(pool, batch.id); ord !== undefined && told < rows.length; [ord] = await regrants(pool, batch.id)) {
      if (lost.aborted) return null;
      // A call of a thousand such people would keep a worker from stopping.
      if (stop.aborted) return { kind: 'throttled', retryAfterMs: 1, message: 'the worker stopped while the call was prepared', httpStatus: 0 };
      told += 1;
      const outcome = await paced((signal) => (destination.letBackIn as NonNullable<typeof destination.letBackIn>)(rows[ord] as OutgoingRow, signal));
      // Whatever became of that call: the rows have certainly not been sent.
      if (outcome.kind === 'unknown') return { kind: 'unavailable', message: outcome.message, httpStatus: outcome.httpStatus };
      if (outcome.kind !== 'answered') return outcome;
      await noteLetIn(pool, batch.id, ord);
    }
    if (told === 0 || !(await takenBack(pool, batch.id))) return null;
    return { kind: 'throttled', retryAfterMs: 1, message: 'somebody opted out while the call was prepared', httpStatus: 0 };
  }

  private async ask(lane: LaneRow, poll: DuePoll, driven: Driven, place: Reserved): Promise<void> {
    const { pool, lease, lost, touched, results } = this.options;
    const { destination, timeout } = driven;
    if (destination.poll === undefined || !(await this.departs(place))) return;
    const began = performance.now();
    const asks = destination.poll.bind(destination, { id: String(poll.id), reference: poll.reference, rows: poll.rows });
    const later = await withDeadline(lost, timeout, asks);
    const told = this.tell({ kind: 'poll', destination: poll.destination, batch: poll.id, rows: poll.rows, ...ended(later, began) });
    const answered = callAnswered(pool, place.budget.accountId, place.budget.bucket, place.call, this.clock.at(performance.now()));
    if (later.kind !== 'pending' && FINAL.has(later.kind)) {
      results.arrived(poll.ageMs, poll.polls);
      touched.push(poll.id);
      await Promise.all([answered, told, applyOutcome(this.context(driven), { ...poll, later: true }, later)]);
      return;
    }
    await Promise.all([answered, told, pollLater(pool, lease, poll.id, pollDelayMs(results.firstMs, poll.polls))]);
    if (later.kind !== 'pending') await applyTrouble({ pool, lease, random: this.options.random }, later, lane.failures);
  }

  private context({ settleDelay, resultsWithin = RESULTS_WITHIN_MS }: Driven): ApplyContext {
    const { pool, lease, random, results } = this.options;
    return { pool, lease, random, settleDelay, resultsWithin, firstPoll: results.firstMs };
  }
}

/** How a call came to its end just now. */
function ended(outcome: Later, began: number): Pick<SeenCall, 'outcome' | 'httpStatus' | 'startedAt' | 'tookMs'> {
  const tookMs = performance.now() - began;
  return { outcome: outcome.kind, httpStatus: 'httpStatus' in outcome ? outcome.httpStatus : null, startedAt: Date.now() - tookMs, tookMs };
}

/** Sends never come from the budget of reads. */
function withoutReads({ read: _, ...limits }: Driven['limits']): Driven['limits'] {
  return limits;
}

function mostRows({ maxBatchSize, maxEraseBatchSize, maxRenameBatchSize }: Capabilities, { action, form }: Claimable): number {
  if (action === ACTION.erase) return maxEraseBatchSize ?? maxBatchSize;
  return form.renames ? (maxRenameBatchSize ?? maxBatchSize) : maxBatchSize;
}
