import { retryAfter, type HttpAnswer } from '../../http/index.js';

/** The clocks of a source, and how it waits; a test gives its own. */
export interface Timing {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never falls. */
  ticks(): number;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** The longest wait that is sat out here, in milliseconds; a longer one is told to whoever drives the source. */
export const LONGEST_WAIT = 90_000;

/** Beyond its share of the window a call waits this much longer: arrivals are not as even as departures. */
const SPARE = 0.02;
const LEAST_SPARE = 150;

/**
 * Lets a source's calls go evenly, whoever in this process makes them: any window of `per` milliseconds holds at most
 * `calls`. It knows nothing of other processes: what they use up shows in the platform's answers, see `note`.
 */
export class Pace {
  private readonly gap: number;
  /** When the next call may leave, in ticks. */
  private free = -Infinity;

  constructor(limits: { readonly calls: number; readonly per: number }, private readonly timing: Timing) {
    this.gap = (limits.per + Math.max(limits.per * SPARE, LEAST_SPARE)) / limits.calls;
  }

  /** Resolves when a call may leave. Rejects with the signal's reason. */
  async turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const now = this.timing.ticks();
    const at = Math.max(now, this.free);
    this.free = at + this.gap;
    if (at > now) await this.timing.wait(at - now, signal);
  }

  /** Nothing leaves for so many milliseconds. */
  hold(ms: number): void {
    this.free = Math.max(this.free, this.timing.ticks() + ms);
  }

  /** doc: `X-RateLimit-Remaining` and `-Reset` come with every answer; with nothing left, the reset is waited for. */
  note({ headers }: HttpAnswer): void {
    if (headers['x-ratelimit-remaining']?.trim() !== '0') return;
    const wait = retryAfter(headers, this.timing.now());
    if (wait !== null && wait <= LONGEST_WAIT) this.hold(wait);
  }
}
