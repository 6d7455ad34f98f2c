import { setTimeout as sleep } from 'node:timers/promises';
import {
  acquireLease, adoptOrphans, anySettled, callsAbandoned, countClaims, dueUnknown, endQuota, endRestored, expireAccepted, findLane, heldWords, outlook, parkOld,
  releaseLease, runsTouched, showLane, unreadSyncs, type Claimable, type DuePoll, type LaneRow, type LaneState, type Lease, type Outlook,
} from '../ledger/index.js';
import { blockOnSuspects } from './call.js';
import { Calls, type Reserved } from './calls.js';
import { choose, type Choice, type Filling } from './choose.js';
import type { Driven, DriveOptions, DriveResult } from './drive-options.js';
import { keepLease } from './lease-keeper.js';
import { OpenQueue } from './open-queue.js';
import { paceWords } from './paced.js';
import { Results } from './results.js';
import { Windows, type Shut } from './windows.js';

const POLL_MS = 40;
/** Between looks at a lane that is held, by a timer and here. Milliseconds. */
const HELD_LOOK_MS = 60_000;
const HELD_PAUSE_MS = 250;
/** How long to stay for a reader that stages nothing. Milliseconds. */
const UNFED_MS = 3_000;
/** Between looks for runs that are done. Milliseconds. */
const LOOK_MS = 700;
/**
 * Where calls go one at a time a turn is taken only so shortly before it: which rows leave, and with what token, is
 * settled then and not before the wait, in which opt-outs come and tokens end. Milliseconds.
 */
const SOON_MS = 1_000;
/** After so long, and so many turns, a part-filled call goes before a full one. */
const AGED_MS = 30_000;
const AGED_TURNS = 20;

/**
 * Drives one account for a while: settles what is unknown, claims rows, makes paced calls, several at once where the
 * platform allows, asks for results that come later, and writes every outcome down. Only the holder of the lease drives.
 */
export async function drive(options: DriveOptions): Promise<DriveResult> {
  const lane = await findLane(options.pool, options.account);
  if (!lane) return { next: 'idle', waitMs: 0, state: 'idle', reason: null, runs: [], calls: 0 };
  const taken = await acquireLease(options.pool, lane.id, options.owner);
  if ('heldMs' in taken) return { next: 'wait', waitMs: Math.max(taken.heldMs, 200), state: lane.state, reason: lane.reason, runs: [], calls: 0 };
  options.onLease?.(taken.lease.fence);
  const driver = new Driver(options, taken.lease);
  return driver.run();
}

type End = Omit<DriveResult, 'runs' | 'calls'>;

class Driver {
  private readonly lost = new AbortController();
  private readonly stop: AbortSignal;
  private readonly touched: number[] = [];
  private readonly queue: OpenQueue;
  private readonly calls: Calls;
  private readonly results: Results;
  private readonly windows: Windows;
  private readonly endsAt: number;
  private looksAgainAt = performance.now() + LOOK_MS;
  /** When there last was something to send. */
  private fedAt = performance.now();
  /** Sends and polls take turns where both are due. */
  private polledLast = false;

  constructor(
    private readonly options: DriveOptions,
    private readonly lease: Lease,
  ) {
    this.stop = AbortSignal.any([options.signal, this.lost.signal]);
    this.endsAt = performance.now() + options.windowMs;
    this.queue = new OpenQueue(options.pool, lease.accountId);
    this.results = new Results(options.pool, lease.accountId);
    this.windows = new Windows((destination) => options.driven(destination)?.window, options.longWaitMs);
    this.calls = new Calls({
      pool: options.pool, lease, stop: this.stop, lost: this.lost.signal, random: options.random ?? Math.random,
      queue: this.queue, results: this.results, touched: this.touched, account: options.account, observer: options.observer, ...(options.onCall && { onCall: options.onCall }),
    });
  }

  async run(): Promise<DriveResult> {
    const { pool } = this.options;
    const stopRenewing = keepLease(pool, this.lease, this.lost);
    try {
      const orphans = await adoptOrphans(pool, this.lease, this.options.settleDelay);
      if (orphans > 0) this.options.observer?.abandoned(this.options.account, orphans);
      if (this.options.alone === true) await callsAbandoned(pool, this.lease.accountId, 'main');
      await this.results.look();
      const end = await this.loop();
      await this.calls.landed();
      const runs = this.touched.length > 0 ? await runsTouched(pool, this.touched) : [];
      return { ...end, runs: runs.map((run) => run.workflowId), calls: this.calls.made };
    } finally {
      await this.calls.landed().catch(() => undefined);
      stopRenewing();
      if (this.calls.claims > 0) await countClaims(pool, this.lease, this.calls.claims).catch(() => undefined);
      await releaseLease(pool, this.lease).catch(() => undefined);
    }
  }

  private async loop(): Promise<End> {
    const { pool, account } = this.options;
    for (;;) {
      if (this.calls.failed || this.stop.aborted || performance.now() > this.endsAt) return this.end('more', 0, 'sending', null);
      const lane = await findLane(pool, account) as LaneRow;
      if (lane.quota && lane.waitMs === 0) await endQuota(pool, lane.id);
      await this.settleOld(lane);
      this.queue.urgentOnly = lane.restored && !(await endRestored(pool, lane.id));
      if (this.queue.urgentOnly) await parkOld(pool, lane.id);
      const halted = lane.paused || lane.blocked || (lane.quota && lane.waitMs > 0);
      if (halted) {
        if (this.calls.flying > 0) await this.calls.oneLands();
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

  /** Accepted batches whose result never came are unknown; unknown ones whose delay is over are settled. */
  private async settleOld(lane: LaneRow): Promise<void> {
    const { pool } = this.options;
    if (this.results.expected) await expireAccepted(pool, this.lease, this.options.settleDelay);
    for (const { id, destination } of await dueUnknown(pool, lane.id)) {
      this.touched.push(id);
      await this.calls.settleUnknown(id, this.options.driven(destination), destination);
    }
  }

  /** Now and then: a run whose last row is settled should hear of it before the window is over. */
  private async someRunIsDone(): Promise<boolean> {
    if (this.touched.length === 0 || performance.now() < this.looksAgainAt) return false;
    this.looksAgainAt = performance.now() + LOOK_MS;
    return anySettled(this.options.pool, await runsTouched(this.options.pool, this.touched));
  }

  /** One turn: makes a call, or waits for something. Returns how the drive ends, if it does. */
  private async step(lane: LaneRow): Promise<End | undefined> {
    const { groups, shut } = this.windows.sift(await this.queue.groups(), lane.nowMs);
    const choice = choose(groups, (destination) => this.fillingOf(destination), this.calls.shares(lane));
    const poll = await this.results.due();
    if (poll !== undefined && this.options.driven(poll.destination)?.destination.poll === undefined) {
      // Another worker's configuration has it, or none any more: its deadline will tell.
      await this.results.postpone(this.lease, poll);
      return undefined;
    }
    if (poll !== undefined && ('waitMs' in choice || !this.polledLast)) return this.ask(lane, poll);
    if (this.queue.partial && !this.isFull(choice)) {
      this.queue.fromTheStart();
      return undefined;
    }
    if ('waitMs' in choice) return this.nothingReady(lane, groups, choice.waitMs, shut);
    this.fedAt = performance.now();
    return this.send(lane, choice.group);
  }

  private async send(lane: LaneRow, group: Claimable): Promise<End | undefined> {
    const driven = this.options.driven(group.destination) as Driven;
    const reserved = await this.turn(lane, driven, group.destination, 'main');
    if (reserved === undefined || 'next' in reserved) return reserved;
    this.polledLast = false;
    await this.calls.send(lane, group, driven, reserved, this.windows.onlyOptOuts(group.destination, lane.nowMs));
    return undefined;
  }

  private async ask(lane: LaneRow, poll: DuePoll): Promise<End | undefined> {
    const driven = this.options.driven(poll.destination) as Driven;
    const reserved = await this.turn(lane, driven, poll.destination, 'read');
    if (reserved === undefined || 'next' in reserved) return reserved;
    this.polledLast = true;
    this.calls.poll(lane, poll, driven, reserved);
    return undefined;
  }

  /** A place in the account's pace; undefined: look again; else how the drive ends. */
  private async turn(lane: LaneRow, driven: Driven, destination: string, from: 'main' | 'read'): Promise<Reserved | End | undefined> {
    const concurrency = lane.failures > 0 ? 1 : driven.limits.concurrency;
    if (this.calls.flying >= concurrency) {
      await this.calls.oneLands();
      return undefined;
    }
    if (!(await this.calls.authorised(lane, driven, destination))) return undefined;
    const alone = driven.limits.concurrency === 1;
    const reserved = await this.calls.reserve(driven, from, alone ? Math.min(SOON_MS, this.options.longWaitMs) : this.options.longWaitMs);
    if ('budget' in reserved) return reserved;
    if (this.calls.flying > 0) {
      await this.calls.oneLands();
      return undefined;
    }
    if (reserved.waitMs <= this.options.longWaitMs) {
      const beganAt = performance.now();
      await this.pause(alone && reserved.waitMs > SOON_MS ? reserved.waitMs - SOON_MS / 2 : reserved.waitMs);
      this.options.observer?.paced(this.options.account, (performance.now() - beganAt) / 1000);
      return undefined;
    }
    const reason = paceWords(destination, driven.limits);
    await showLane(this.options.pool, lane.id, { state: 'waiting', reason, untilMs: reserved.waitMs });
    return this.end('wait', Math.max(reserved.waitMs - 1_500, 0), 'waiting', reason);
  }

  private fillingOf(destination: string): Filling | undefined {
    const driven = this.options.driven(destination);
    if (driven === undefined) return undefined;
    const { limits: { calls, per }, batchSize, linger } = driven;
    return { batchSize, linger, agedMs: Math.max(AGED_MS, (AGED_TURNS * per) / calls) };
  }

  private isFull(choice: Choice): boolean {
    if ('waitMs' in choice) return false;
    const { bundle, destination, ready } = choice.group;
    return bundle !== null || ready >= (this.options.driven(destination)?.batchSize ?? 0);
  }

  private async nothingReady(lane: LaneRow, groups: readonly Claimable[], lingerMs: number | null, shut: Shut | undefined): Promise<End | undefined> {
    const { pool } = this.options;
    if (this.calls.flying > 0) {
      await this.calls.oneLands(POLL_MS);
      return undefined;
    }
    const ahead = await outlook(pool, lane.id);
    if (this.queue.urgentOnly) return this.held(lane, ahead);
    if (ahead.accepted > 0) this.results.expected = true;
    // A reader that stages nothing for a while (its source is slow, or gone) wakes the lane again when it does.
    if (lingerMs !== null || (ahead.feeding && performance.now() - this.fedAt < UNFED_MS)) {
      await this.pause(Math.min(lingerMs ?? POLL_MS, POLL_MS));
      return undefined;
    }
    if (ahead.dueMs !== null && ahead.dueMs <= (shut?.opensInMs ?? Infinity)) return this.waitFor(lane, ahead.dueMs, waitsFor(ahead, lane));
    if (shut !== undefined) return this.waitFor(lane, shut.opensInMs, shut.reason);
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

  private async waitFor(lane: LaneRow, ms: number, reason: string): Promise<End | undefined> {
    await showLane(this.options.pool, lane.id, { state: 'waiting', reason, untilMs: ms });
    if (await this.waitShortly(ms)) return undefined;
    return this.end('wait', ms, 'waiting', reason);
  }

  /** An old ledger: stays while a run reads, as that may be the one it waits for. */
  private async held(lane: LaneRow, ahead: Outlook): Promise<End | undefined> {
    const { reason, hint } = heldWords(await unreadSyncs(this.options.pool, lane.id));
    await showLane(this.options.pool, lane.id, { state: 'waiting', reason, hint });
    const waitMs = Math.min(ahead.dueMs ?? HELD_LOOK_MS, HELD_LOOK_MS);
    if (!ahead.feeding && waitMs > this.options.longWaitMs) return this.end('wait', waitMs, 'waiting', reason);
    await this.pause(Math.min(Math.max(waitMs, POLL_MS), HELD_PAUSE_MS));
    return undefined;
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

  private end(next: DriveResult['next'], waitMs: number, state: LaneState, reason: string | null): End {
    return { next, waitMs, state, reason };
  }
}

function waitsFor(ahead: Outlook, lane: LaneRow): string {
  if (ahead.unknown) return 'a call ended without an answer: its contacts are held before they are sent again';
  if (ahead.accepted > 0) return `${ahead.accepted === 1 ? 'a batch was' : `${ahead.accepted} batches were`} accepted, the platform's results are awaited`;
  return lane.reason ?? 'contacts of a call that failed wait before they are sent again';
}
