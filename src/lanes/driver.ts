import { setTimeout as sleep } from 'node:timers/promises';
import {
  acquireLease, adoptOrphans, anySettled, callAnswered, callLeftLate, callNotMade, claimBatch, countClaims, dueUnknown, endQuota, findLane,
  outlook, releaseLease, reserveCall, runsTouched, showLane, type Budget, type Claimable, type ClaimedBatch, type LaneRow, type LaneState,
  type Lease, type Pool,
} from '../ledger/index.js';
import type { Destination, Outcome } from '../destinations/index.js';
import { applyOutcome, blockOnSuspects, settleUnknown } from './call.js';
import { choose, type Choice } from './choose.js';
import { LedgerClock } from './clock.js';
import { keepLease } from './lease-keeper.js';
import { OpenQueue } from './open-queue.js';

/** A destination as the lane drives it. */
export interface Driven {
  readonly destination: Destination;
  readonly batchSize: number;
  readonly linger: number;
  readonly timeout: number;
  readonly settleDelay: number;
  readonly limits: { readonly calls: number; readonly per: number; readonly concurrency: number };
}

export interface DriveOptions {
  readonly pool: Pool;
  readonly account: string;
  /** Who drives, for the lease. */
  readonly owner: string;
  /** Destinations of the account by name; undefined: not in this worker's configuration. */
  readonly driven: (destination: string) => Driven | undefined;
  /** Milliseconds to hold the contacts of calls a dead driver left behind. */
  readonly settleDelay: number;
  /** Milliseconds to go on for. */
  readonly windowMs: number;
  /** Waits longer than this are left to the workflow's durable timer. Milliseconds. */
  readonly longWaitMs: number;
  readonly signal: AbortSignal;
  readonly random?: () => number;
  readonly onCall?: (calls: number) => void;
}

export interface DriveResult {
  /** `more`: call again at once; `wait`: in `waitMs`; `idle`: nothing is left to do. */
  readonly next: 'more' | 'wait' | 'idle';
  readonly waitMs: number;
  readonly state: LaneState;
  readonly reason: string | null;
  /** Workflows of open runs that had rows in the calls made. */
  readonly runs: readonly string[];
  readonly calls: number;
}

/** How early rows are claimed before their call may leave, so that the call leaves on the dot. Milliseconds. */
const LEAD_MS = 60;
const POLL_MS = 40;
/** A call that leaves so long after its time is written down as leaving when it does. Milliseconds. */
const LATE_MS = 50;
/** How long to stay for a reader that stages nothing. Milliseconds. */
const UNFED_MS = 3_000;
/** Between looks for runs that are done. Milliseconds. */
const LOOK_MS = 700;

/**
 * Drives one account for a while: settles what is unknown, claims rows, makes paced calls, several at once where the
 * platform allows, and writes every outcome down. Only the holder of the lease drives.
 */
export async function drive(options: DriveOptions): Promise<DriveResult> {
  const lane = await findLane(options.pool, options.account);
  if (!lane) return { next: 'idle', waitMs: 0, state: 'idle', reason: null, runs: [], calls: 0 };
  const taken = await acquireLease(options.pool, lane.id, options.owner);
  if ('heldMs' in taken) return { next: 'wait', waitMs: Math.max(taken.heldMs, 200), state: lane.state, reason: lane.reason, runs: [], calls: 0 };
  const driver = new Driver(options, taken.lease);
  return driver.run();
}

/** A reserved call: never earlier than `notBefore`, planned for `departsAt` (by `performance.now()`). */
interface Place {
  readonly budget: Budget;
  readonly call: number;
  readonly notBefore: number;
  readonly departsAt: number;
}

class Driver {
  private readonly lost = new AbortController();
  private readonly stop: AbortSignal;
  private readonly flying = new Set<Promise<void>>();
  private readonly touched: number[] = [];
  private failure: unknown;
  private readonly clock = new LedgerClock();
  private leadMs = LEAD_MS;
  private claims = 0;
  private readonly queue: OpenQueue;
  private calls = 0;
  private readonly endsAt: number;
  private looksAgainAt = performance.now() + LOOK_MS;
  /** When there last was something to send. */
  private fedAt = performance.now();

  constructor(
    private readonly options: DriveOptions,
    private readonly lease: Lease,
  ) {
    this.stop = AbortSignal.any([options.signal, this.lost.signal]);
    this.endsAt = performance.now() + options.windowMs;
    this.queue = new OpenQueue(options.pool, lease.accountId);
  }

  async run(): Promise<DriveResult> {
    const stopRenewing = keepLease(this.options.pool, this.lease, this.lost);
    try {
      await adoptOrphans(this.options.pool, this.lease, this.options.settleDelay);
      const end = await this.loop();
      await Promise.all(this.flying);
      if (this.failure !== undefined) throw this.failure as Error;
      const runs = this.touched.length > 0 ? await runsTouched(this.options.pool, this.touched) : [];
      return { ...end, runs: runs.map((run) => run.workflowId), calls: this.calls };
    } finally {
      await Promise.allSettled(this.flying);
      stopRenewing();
      if (this.claims > 0) await countClaims(this.options.pool, this.lease, this.claims).catch(() => undefined);
      await releaseLease(this.options.pool, this.lease).catch(() => undefined);
    }
  }

  private async loop(): Promise<Omit<DriveResult, 'runs' | 'calls'>> {
    const { pool, account } = this.options;
    for (;;) {
      if (this.failure !== undefined || this.stop.aborted || performance.now() > this.endsAt) return this.end('more', 0, 'sending', null);
      const lane = await findLane(pool, account) as LaneRow;
      if (lane.quota && lane.waitMs === 0) await endQuota(pool, lane.id);
      for (const id of await dueUnknown(pool, lane.id)) {
        this.touched.push(id);
        await settleUnknown(pool, this.lease, id);
      }
      const halted = lane.paused || lane.blocked || (lane.quota && lane.waitMs > 0);
      if (halted) {
        if (this.flying.size > 0) await Promise.race(this.flying);
        else return this.end('wait', lane.quota ? lane.waitMs : 60_000, lane.state, lane.reason);
        continue;
      }
      if (lane.waitMs > 0) {
        if (!(await this.waitShortly(lane.waitMs))) return this.end('wait', lane.waitMs, lane.state, lane.reason);
        continue;
      }
      if (await this.someRunIsDone()) return this.end('more', 0, 'sending', null);
      const step = await this.step(lane);
      if (step) return step;
    }
  }

  /** Now and then: a run whose last row is settled should hear of it before the window is over. */
  private async someRunIsDone(): Promise<boolean> {
    if (this.touched.length === 0 || performance.now() < this.looksAgainAt) return false;
    this.looksAgainAt = performance.now() + LOOK_MS;
    return anySettled(this.options.pool, await runsTouched(this.options.pool, this.touched));
  }

  /** One turn: makes a call, or waits for something. Returns how the drive ends, if it does. */
  private async step(lane: LaneRow): Promise<Omit<DriveResult, 'runs' | 'calls'> | undefined> {
    const { pool } = this.options;
    const groups = await this.queue.groups();
    const choice = choose(groups, this.options.driven);
    if (this.queue.partial && !this.isFull(choice)) {
      this.queue.fromTheStart();
      return undefined;
    }
    if ('waitMs' in choice) return this.nothingReady(lane, groups, choice.waitMs);
    this.fedAt = performance.now();
    const { group } = choice;
    const driven = this.options.driven(group.destination) as Driven;
    const concurrency = lane.failures > 0 ? 1 : driven.limits.concurrency;
    if (this.flying.size >= concurrency) {
      await Promise.race(this.flying);
      return undefined;
    }
    const budget: Budget = { accountId: lane.id, bucket: 'main', calls: driven.limits.calls, per: driven.limits.per, credit: 1 };
    const askedAt = performance.now();
    const reserved = await reserveCall(pool, budget, this.options.longWaitMs);
    this.clock.observe(askedAt, performance.now(), reserved.nowMs);
    if (reserved.call === null) {
      if (this.flying.size > 0) {
        await Promise.race(this.flying);
        return undefined;
      }
      const reason = `${group.destination} allows ${budget.calls} calls in ${budget.per / 1000} s`;
      await showLane(pool, lane.id, { state: 'waiting', reason, untilMs: reserved.waitMs });
      return this.end('wait', Math.max(reserved.waitMs - 1_500, 0), 'waiting', reason);
    }
    await this.makeCall(lane, group, driven, { budget, call: reserved.call, notBefore: askedAt + reserved.waitMs, departsAt: performance.now() + reserved.waitMs });
    return undefined;
  }

  private isFull(choice: Choice): boolean {
    if ('waitMs' in choice) return false;
    const { bundle, destination, ready } = choice.group;
    return bundle !== null || ready >= (this.options.driven(destination)?.batchSize ?? 0);
  }

  private async makeCall(lane: LaneRow, group: Claimable, driven: Driven, place: Place): Promise<void> {
    const { pool } = this.options;
    const { departsAt } = place;
    const waitMs = departsAt - performance.now();
    if (waitMs > this.leadMs) await this.pause(waitMs - this.leadMs);
    const claimsAt = performance.now();
    const share = (lane.claims + this.claims) % 10 === 9;
    const batch = this.stop.aborted
      ? undefined
      : await claimBatch(pool, this.lease, group, Math.min(driven.batchSize, driven.destination.capabilities.maxBatchSize), share, Math.max(departsAt - performance.now(), 0), this.queue.floors);
    // Claims take longer on a busy machine: what the last ones took, with some room, slowly forgotten.
    this.leadMs = Math.min(Math.max(this.leadMs * 0.9, (performance.now() - claimsAt) * 1.5, LEAD_MS), 1_000);
    if (batch === undefined) {
      await callNotMade(pool, place.budget, place.call);
      this.queue.passOver(group);
      return;
    }
    this.claims += 1;
    this.queue.claimed(batch);
    if (lane.state !== 'sending') await showLane(pool, lane.id, { state: 'sending' });
    const flight = this.fly(batch, driven, place).catch((error: unknown) => {
      this.failure ??= error;
    });
    this.flying.add(flight);
    void flight.then(() => this.flying.delete(flight));
  }

  private async fly(batch: ClaimedBatch, driven: Driven, { call, departsAt, notBefore }: Place): Promise<void> {
    const { pool } = this.options;
    // Not to be cut short: a call that left early would break the pace.
    const early = departsAt - performance.now();
    if (early > 0) await sleep(Math.ceil(early));
    if (this.lost.signal.aborted) return;
    if (performance.now() - notBefore > LATE_MS) void callLeftLate(pool, this.lease.accountId, 'main', call).catch(() => undefined);
    const deadline = AbortSignal.timeout(driven.timeout);
    const outcome: Outcome = await driven.destination.send({ id: String(batch.id), rows: batch.rows }, AbortSignal.any([deadline, this.lost.signal]));
    const answeredAt = this.clock.at(performance.now());
    this.calls += 1;
    this.options.onCall?.(this.calls);
    this.touched.push(batch.id);
    await Promise.all([
      callAnswered(pool, this.lease.accountId, 'main', call, answeredAt),
      applyOutcome({ pool, lease: this.lease, settleDelay: driven.settleDelay, random: this.options.random ?? Math.random }, batch, outcome),
    ]);
  }

  private async nothingReady(lane: LaneRow, groups: readonly Claimable[], lingerMs: number | null): Promise<Omit<DriveResult, 'runs' | 'calls'> | undefined> {
    const { pool } = this.options;
    if (this.flying.size > 0) {
      await Promise.race([...this.flying, sleep(POLL_MS)]);
      return undefined;
    }
    const ahead = await outlook(pool, lane.id);
    // A reader that stages nothing for a while (its source is slow, or gone) wakes the lane again when it does.
    if (lingerMs !== null || (ahead.feeding && performance.now() - this.fedAt < UNFED_MS)) {
      await this.pause(Math.min(lingerMs ?? POLL_MS, POLL_MS));
      return undefined;
    }
    if (ahead.dueMs !== null) {
      const reason = ahead.unknown
        ? 'a call ended without an answer: its contacts are held before they are sent again'
        : (lane.reason ?? 'contacts of a call that failed wait before they are sent again');
      await showLane(pool, lane.id, { state: 'waiting', reason, untilMs: ahead.dueMs });
      if (await this.waitShortly(ahead.dueMs)) return undefined;
      return this.end('wait', ahead.dueMs, 'waiting', reason);
    }
    if (!ahead.open) {
      if (lane.state !== 'idle') await showLane(pool, lane.id, { state: 'idle' });
      return this.end('idle', 0, 'idle', null);
    }
    if (!ahead.others) {
      await blockOnSuspects(pool, this.lease);
      return undefined;
    }
    if (groups.length === 0 || this.queue.leavesSomethingAlone) {
      await this.pause(POLL_MS);
      return undefined;
    }
    const reason = `rows wait for ${groups.map((group) => group.destination).join(', ')}, which this worker's configuration does not have`;
    await showLane(pool, lane.id, { state: 'waiting', reason });
    return this.end('wait', 60_000, 'waiting', reason);
  }

  /** Waits here when it is short, in steps, so that new rows are not kept waiting. @returns false: leave it to a timer */
  private async waitShortly(ms: number): Promise<boolean> {
    if (ms > this.options.longWaitMs) return false;
    await this.pause(Math.min(ms + 1, 250));
    return true;
  }

  private async pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await sleep(ms, undefined, { signal: this.stop }).catch(() => undefined);
  }

  private end(next: DriveResult['next'], waitMs: number, state: LaneState, reason: string | null): Omit<DriveResult, 'runs' | 'calls'> {
    return { next, waitMs, state, reason };
  }
}
