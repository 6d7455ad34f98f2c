import { setTimeout as sleep } from 'node:timers/promises';
import type { RunDocument, RunPulse } from '../../ledger/index.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { unknownRun } from '../names.js';
import { formatDuration } from '../output/index.js';
import type { Session } from '../session.js';
import { Rate } from './rate.js';
import { GIVE_UP_MS, isConnectionTrouble, Watch } from './trouble.js';
import { exitOfRun, isHalted } from './verdict.js';
import { isTakenUp, temporalAnswers } from './workers.js';

export interface FollowOptions {
  readonly run: string;
  readonly workflowId: string;
  readonly attached: boolean;
  /** Milliseconds to follow it for; undefined: to its end. */
  readonly timeoutMs: number | undefined;
  /** Also past `delivering`: what was begun apart from any reading is delivering from its start. */
  readonly toEnd?: boolean;
  /** Until every row it has queued is settled, whether it has ended or not. */
  readonly untilSettled?: boolean;
  /** When the following began, by `performance.now()`, where it goes on with something. @default now */
  readonly began?: number;
  /** Milliseconds the account's limit makes of so many rows: no estimate is shorter. */
  readonly msOf?: (rows: number) => number;
}

export interface Followed {
  /** As far as known when the following ended. */
  readonly document: RunDocument;
  readonly exit: ExitCode;
  /** Why it was left before its end, in words; undefined: it ended. */
  readonly left?: { readonly reason: string; readonly hint: string };
}

const POLL_MS = 120;
/** Milliseconds after which a ledger that says nothing counts as away: a server can hang without refusing anybody. */
const SILENT_MS = 5_000;
/** Milliseconds the last question of all may take. */
const LAST_MS = 15_000;
/** Milliseconds between two looks at Temporal and at the workers. */
const LOOK_MS = 2_500;
/** Milliseconds a run on a halted lane may go on reading and settling before it is left. */
const TIDY_MS = 10_000;

type Leave = { readonly exit: ExitCode; readonly reason: string; readonly hint: string };

/** Follows a run by the ledger until it ends, or until there is a reason to leave it. */
export function followRun(context: Context, session: Session, options: FollowOptions): Promise<Followed> {
  return new Follower(context, session, options).follow();
}

class Follower {
  private readonly ledger: Watch;
  private readonly temporal: Watch;
  private readonly began: number;
  private readonly rate = new Rate();
  private haltedAt: number | undefined;
  private lookedAt = performance.now();
  private looking: Promise<void> | undefined;
  private toldOfWorkers = false;
  private failure: unknown;
  /** A question the ledger has not answered yet: no second one beside it. */
  private asked: Promise<RunPulse | undefined> | undefined;

  constructor(
    private readonly context: Context,
    private readonly session: Session,
    private readonly options: FollowOptions,
  ) {
    this.began = options.began ?? performance.now();
    const tell = (line: string): void => { context.output.warn(line); };
    this.ledger = new Watch('the ledger (Postgres)', tell);
    this.temporal = new Watch('Temporal', tell);
  }

  async follow(): Promise<Followed> {
    const progress = this.context.progress();
    try {
      for (;;) {
        const pulse = await this.pulse();
        if (pulse !== undefined) {
          if (this.isThrough(pulse)) return await this.end();
          progress.update(this.rate.snapshot(pulse, performance.now(), this.options.msOf));
        }
        const leave = this.reasonToLeave(pulse);
        if (leave !== undefined) return await this.end(leave);
        this.look();
        await this.pause();
        if (this.context.signal.aborted) return await this.end(this.interrupted());
      }
    } finally {
      progress.stop();
      await this.looking;
    }
  }

  private isThrough({ ended, status, counts }: RunPulse): boolean {
    if (this.options.untilSettled === true) return counts.waiting + counts.inFlight === 0;
    return ended || (status === 'delivering' && this.options.toEnd !== true);
  }

  private async pulse(): Promise<RunPulse | undefined> {
    const { runPulse } = await import('../../ledger/index.js');
    this.asked ??= runPulse(this.session.pool, this.options.run).finally(() => { this.asked = undefined; });
    // The following may end before the answer comes; it must not count as unhandled then.
    this.asked.catch(() => undefined);
    try {
      const pulse = await within(this.asked, SILENT_MS, this.context.signal);
      if (pulse === 'late') {
        if (!this.context.signal.aborted) this.ledger.ill();
        return undefined;
      }
      if (pulse === undefined) throw unknownRun(this.options.run);
      this.ledger.well();
      return pulse;
    } catch (error) {
      if (!isConnectionTrouble(error)) throw error;
      this.ledger.ill();
      return undefined;
    }
  }

  /** Not bound to the command's signal alone: a Ctrl-C ends the wait early. */
  private async pause(): Promise<void> {
    await sleep(POLL_MS, undefined, { signal: this.context.signal }).catch(() => undefined);
    if (this.failure !== undefined) throw this.failure as Error;
  }

  private reasonToLeave(pulse: RunPulse | undefined): Leave | undefined {
    const { timeoutMs, run } = this.options;
    const now = performance.now();
    const goesOn = `the rows wait; syncline runs show ${run} tells how it stands`;
    if (this.ledger.awayMs(now) >= GIVE_UP_MS) {
      return { exit: EXIT.unreached, reason: 'the ledger (Postgres) has not answered for a minute', hint: 'bring Postgres back and run again; nothing is lost' };
    }
    if (this.temporal.awayMs(now) >= GIVE_UP_MS) {
      return { exit: EXIT.unreached, reason: 'Temporal has not answered for a minute', hint: `bring it back; ${goesOn}` };
    }
    const trouble = pulse?.trouble ?? null;
    // Nobody may have tried before this command began; and a platform is waited for, as it is with rows on their way to it.
    if (trouble?.of === 'source' && Math.min(trouble.seconds * 1000, now - this.began) >= GIVE_UP_MS) {
      return { exit: EXIT.unreached, reason: `the source was not reached for ${formatDuration(trouble.seconds * 1000)}: ${trouble.reason}`, hint: `the run goes on when the source is back and a worker lives; ${goesOn}` };
    }
    if (timeoutMs !== undefined && now - this.began >= timeoutMs) {
      return { exit: EXIT.unreached, reason: `${this.options.untilSettled === true ? `rows of the earlier run ${run} were still on their way` : 'the run had not ended'} after ${formatDuration(timeoutMs)}`, hint: `it goes on while a worker lives; ${goesOn}` };
    }
    return pulse === undefined ? undefined : this.halted(pulse, now);
  }

  /** A halted lane does not go on by itself. What is being read or answered may come to its end first. */
  private halted(pulse: RunPulse, now: number): Leave | undefined {
    if (!isHalted(pulse, Date.now())) {
      this.haltedAt = undefined;
      return undefined;
    }
    this.haltedAt ??= now;
    const busy = (pulse.extracting && pulse.trouble === null) || pulse.counts.inFlight > 0;
    if (busy && now - this.haltedAt < TIDY_MS) return undefined;
    const { lane, counts } = pulse;
    const until = lane.until === null ? '' : ` until ${lane.until}`;
    return {
      exit: EXIT.failed,
      reason: `the lane ${lane.account} is ${lane.state}${until}: ${lane.reason ?? 'no reason was given'}`,
      hint: `the rows wait (${String(counts.waiting)} of this run)${lane.hint === null ? '' : `; ${lane.hint}`}`,
    };
  }

  /** Every few seconds, beside the following: does Temporal answer, does a worker live? */
  private look(): void {
    if (this.looking !== undefined || performance.now() - this.lookedAt < LOOK_MS) return;
    this.looking = this.lookNow()
      .catch((error: unknown) => { this.failure ??= error; })
      .finally(() => {
        this.lookedAt = performance.now();
        this.looking = undefined;
      });
  }

  private async lookNow(): Promise<void> {
    if (!(await temporalAnswers(this.session))) {
      this.temporal.ill();
      return;
    }
    this.temporal.well();
    try {
      await this.session.ensureWorker();
    } catch (error) {
      if (!isConnectionTrouble(error)) throw error;
    }
    if (this.toldOfWorkers || this.session.hosting() || this.session.runtime.embeddedTemporal) return;
    if ((await isTakenUp(this.session, this.options.workflowId)) !== false) return;
    this.toldOfWorkers = true;
    const { taskQueue, namespace, temporalAddress } = this.session.runtime;
    this.context.output.warn(
      `no worker takes up this run: none asks for work on task queue "${taskQueue}" of namespace "${namespace}" at ${temporalAddress}. Start one with: syncline worker`,
    );
  }

  private interrupted(): Leave {
    const goesOn = this.session.hosting() ? 'the next run, dev or worker goes on with it' : 'it goes on in its worker';
    return { exit: EXIT.interrupted, reason: `interrupted: the run ${this.options.run} stays open`, hint: `${goesOn}; syncline runs show ${this.options.run} tells how it stands` };
  }

  private async end(leave?: Leave): Promise<Followed> {
    const { runDocument } = await import('../../ledger/index.js');
    let document: RunDocument | undefined;
    try {
      const answer = await within(runDocument(this.session.pool, this.options.run, this.options.attached), LAST_MS, new AbortController().signal);
      if (answer === 'late') throw new CliError('the ledger (Postgres) does not answer', EXIT.unreached, 'bring Postgres back; nothing is lost');
      document = answer;
    } catch (error) {
      if (leave === undefined || !(error instanceof CliError || isConnectionTrouble(error))) throw error;
    }
    if (document === undefined) throw leave === undefined ? unknownRun(this.options.run) : new CliError(leave.reason, leave.exit, leave.hint);
    if (leave === undefined) return { document, exit: exitOfRun(document) };
    return { document, exit: leave.exit, left: { reason: leave.reason, hint: leave.hint } };
  }
}

/** What is promised, or `late` where it takes longer than so many milliseconds or the signal comes first. */
async function within<T>(promised: Promise<T>, ms: number, signal: AbortSignal): Promise<T | 'late'> {
  const answered = new AbortController();
  const late = sleep(ms, 'late' as const, { signal: AbortSignal.any([signal, answered.signal]) }).catch(() => 'late' as const);
  try {
    return await Promise.race([promised, late]);
  } finally {
    answered.abort();
  }
}
