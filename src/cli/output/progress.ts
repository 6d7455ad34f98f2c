import type { Colors, Sink } from './output.js';
import { formatClock, formatDuration, formatNumber } from '../../format/index.js';
import { cutTo } from './width.js';

/** How far a run is. */
export interface ProgressSnapshot {
  readonly extracted: number;
  readonly queued: number;
  readonly delivered: number;
  readonly rejected: number;
  /** Rows that are queued and not yet sent. */
  readonly waiting: number;
  /** Bulk calls made. */
  readonly calls: number;
  readonly rowsPerSecond: number;
  readonly laneState: 'idle' | 'sending' | 'waiting' | 'backing_off' | 'paused' | 'blocked';
  /** Why the lane does not send, in words. */
  readonly reason: string | null;
  /** Until when, ISO 8601. */
  readonly until: string | null;
  /** What is waited for before it goes on reading, and why, in words. */
  readonly trouble?: string | null;
  /** Somebody has paused the reading. */
  readonly paused?: boolean;
  /** Milliseconds left; null where nobody can tell. */
  readonly eta: number | null;
  /** Rows expected in the end, where that is known; otherwise what is queued so far. */
  readonly total?: number | null;
}

export interface ProgressOptions {
  readonly stream: Sink;
  readonly quiet: boolean;
  readonly colors: Pick<Colors, 'green' | 'yellow' | 'red' | 'dim'>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Calls back again and again every so many milliseconds until the returned function is called. */
  readonly repeat?: (milliseconds: number, callback: () => void) => () => void;
}

/** Milliseconds between two pictures of the live bar; fast enough for a countdown, slow enough for a slow line. */
const REDRAW = 200;
/** Milliseconds between two plain lines where stderr is no terminal. */
const PLAIN_LINE = 5_000;
const BAR = 24;

/** Tells how far a run is: a live bar on a terminal, a plain line every few seconds elsewhere, nothing when quiet. */
export class Progress {
  readonly #options: Required<ProgressOptions>;
  readonly #live: boolean;
  #snapshot: ProgressSnapshot | undefined;
  #drawn = false;
  #lastLine = -Infinity;
  #lastState = '';
  #stop: (() => void) | undefined;

  constructor(options: ProgressOptions) {
    this.#options = { now: Date.now, repeat, ...options };
    this.#live = options.stream.isTTY === true;
  }

  /** The newest state; drawn in its own time. */
  update(snapshot: ProgressSnapshot): void {
    if (this.#options.quiet) return;
    this.#snapshot = snapshot;
    this.#stop ??= this.#options.repeat(REDRAW, () => { this.#tick(); });
    const state = `${snapshot.laneState} ${snapshot.reason ?? ''} ${snapshot.trouble ?? ''}`;
    // A change of the lane's state is news and does not wait for the next line.
    if (this.#live ? !this.#drawn : state !== this.#lastState) this.#draw();
    this.#lastState = state;
  }

  /** A line above the bar. */
  note(text: string): void {
    if (this.#options.quiet) return;
    this.#erase();
    this.#options.stream.write(`${text}\n`);
    if (this.#live && this.#snapshot !== undefined) this.#draw();
  }

  /** Takes the bar away; what it said last stays when `keep` is set. */
  stop({ keep = false }: { readonly keep?: boolean } = {}): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#erase();
    if (keep && this.#snapshot !== undefined && !this.#options.quiet) {
      this.#options.stream.write(`${progressLine(this.#snapshot, this.#options.now())}\n`);
    }
    this.#snapshot = undefined;
  }

  #tick(): void {
    if (this.#live || this.#options.now() - this.#lastLine >= PLAIN_LINE) this.#draw();
  }

  #erase(): void {
    if (this.#drawn) this.#options.stream.write('\r\u001b[2K');
    this.#drawn = false;
  }

  #draw(): void {
    if (this.#snapshot === undefined) return;
    const { stream, now } = this.#options;
    const line = progressLine(this.#snapshot, now());
    this.#lastLine = now();
    if (!this.#live) {
      stream.write(`${line}\n`);
      return;
    }
    // A terminal that does not know its width says 0.
    const columns = (stream.columns || 80) - 1;
    const bar = progressBar(fractionOf(this.#snapshot), BAR);
    stream.write(`\r\u001b[2K${columns < BAR + 30 ? cutTo(line, columns) : `${this.#paint(bar)} ${cutTo(line, columns - BAR - 1)}`}`);
    this.#drawn = true;
  }

  #paint(bar: string): string {
    const { green, yellow, red } = this.#options.colors;
    const state = this.#snapshot?.laneState;
    if (state === 'blocked') return red(bar);
    return state === 'idle' || state === 'sending' ? green(bar) : yellow(bar);
  }
}

/** How much of what is to be done is settled, 0 to 1. */
export function fractionOf({ delivered, rejected, queued, total }: ProgressSnapshot): number {
  const all = Math.max(total ?? 0, queued);
  return all === 0 ? 0 : Math.min(1, (delivered + rejected) / all);
}

/** A bar of `width` columns. */
export function progressBar(fraction: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

const STATE_WORDS = { idle: 'idle', sending: 'sending', waiting: 'waiting', backing_off: 'backing off', paused: 'paused', blocked: 'blocked' } as const;

/** A snapshot in one line: rows, pace, calls, why it waits and how long, time left. */
export function progressLine(snapshot: ProgressSnapshot, now: number): string {
  const { extracted, queued, delivered, rejected, waiting, calls, rowsPerSecond, laneState, reason, until, trouble, paused, eta, total } = snapshot;
  const parts = [`${formatNumber(delivered)}/${formatNumber(Math.max(total ?? 0, queued))} delivered`];
  if (rejected > 0) parts.push(`${formatNumber(rejected)} rejected`);
  if (extracted > queued) parts.push(`${formatNumber(extracted)} read`);
  if (waiting > 0) parts.push(`${formatNumber(waiting)} waiting`);
  parts.push(`${formatNumber(Math.round(rowsPerSecond))} rows/s`, `${formatNumber(calls)} ${calls === 1 ? 'call' : 'calls'}`);
  if (paused === true) parts.push('reading is paused');
  if (trouble !== null && trouble !== undefined) parts.push(trouble);
  if (reason !== null || (laneState !== 'idle' && laneState !== 'sending')) {
    const left = until === null ? NaN : new Date(until).getTime() - now;
    const when = until === null ? '' : left > 0 ? ` until ${formatClock(until, now)} (${formatDuration(left)})` : '';
    parts.push(`${STATE_WORDS[laneState]}${reason === null ? '' : `: ${reason}`}${when}`);
  }
  if (eta !== null) parts.push(`${formatDuration(eta)} left`);
  return parts.join(' · ');
}

function repeat(milliseconds: number, callback: () => void): () => void {
  const timer = setInterval(callback, milliseconds);
  // A bar keeps no process alive.
  timer.unref();
  return () => { clearInterval(timer); };
}
