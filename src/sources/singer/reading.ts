import { randomUUID } from 'node:crypto';
import type { SingerSourceConfig } from '../../config/index.js';
import { later } from '../../contacts/index.js';
import { SourceError, type SourceRow } from '../contract.js';
import { endError, hangs, tapWords } from './errors.js';
import { layoutOf, type Layout } from './layout.js';
import { readMessage, type Message } from './messages.js';
import { hashed, type Position } from './position.js';
import { QUIET, type Ending } from './process.js';
import { withMark, type Mark } from './states.js';
import { startTap, type RunningTap } from './tap.js';

/** A page is handed over when this old although there is room: what a slow tap read is not held back. Milliseconds. */
const LINGER_MS = 2_000;
/** How much further a tap is read that writes rubbish, to say how much of it. Lines, milliseconds. */
const RUBBISH_LINES = 1_000;
const RUBBISH_MS = 500;

type MessageOf<Type> = Extract<Message, { type: Type }>;

export interface TapPage {
  readonly rows: readonly SourceRow[];
  readonly position: Position;
}

/** One tap being read, page by page. */
export class Reading {
  private readonly id = randomUUID();
  private pages = 0;
  private lines = 0;
  private records = 0;
  private layout: Layout | null = null;
  private lastRecord: unknown = null;
  private failed: SourceError | null = null;
  private readonly others = new Set<string>();

  private constructor(
    private readonly config: SingerSourceConfig,
    private readonly columns: readonly string[],
    private tap: RunningTap,
    private state: string | null,
    private anchor: string | null,
    private readonly options: { readonly now: string; readonly timed: boolean },
    /** The greatest time of a record so far, and the STATEs a later run may start from. */
    private time: string | null,
    private marks: readonly Mark[],
  ) {}

  private after = 0;
  private digest: string | null = '';

  /**
   * Starts a tap where a reading stood.
   * @param from null: at `state`, which a plan names
   * @param options.now ISO microseconds; times later than that are not usable
   * @param options.timed whether rows must have a time
   */
  static async open(
    config: SingerSourceConfig, columns: readonly string[], from: Position | null, state: string | null,
    options: { readonly now: string; readonly timed: boolean }, signal: AbortSignal,
  ): Promise<Reading> {
    const anchor = from === null ? state : from.anchor;
    const start = async (): Promise<Reading> =>
      new Reading(config, columns, await startTap(config, columns, anchor, signal), from?.state ?? null, anchor, options, from?.time ?? null, from?.marks ?? []);
    const reading = await start();
    if (from === null || from.after === 0 || from.digest === null) return reading;
    try {
      if (await reading.skip(from.after, from.digest, signal)) return reading;
    } catch (error) {
      await reading.stop();
      throw error;
    }
    await reading.stop();
    return start();
  }

  /** Reads on. @throws SourceError after all that came before the failure was handed over */
  async page(size: number, signal: AbortSignal): Promise<TapPage> {
    const rows: SourceRow[] = [];
    const until = performance.now() + LINGER_MS;
    for (;;) {
      const wait = rows.length === 0 ? this.config.timeout : Math.max(until - performance.now(), 0);
      const message = this.failed === null ? await this.next(wait, signal) : null;
      if (message === QUIET) {
        if (rows.length > 0) return this.handOver(rows, false);
        throw hangs(this.config);
      }
      if (message === null) {
        if (rows.length > 0 && this.failure() !== null) return this.handOver(rows, false);
        const failure = this.failure();
        if (failure !== null) throw failure;
        return this.handOver(rows, true);
      }
      if (message.type === 'RECORD') rows.push(this.row(message));
      const resting = message.type === 'STATE' ? this.after === 0 && rows.length >= size / 4 : message.type === 'ACTIVATE_VERSION' && rows.length > 0;
      if (resting || rows.length >= size || (rows.length > 0 && performance.now() > until)) return this.handOver(rows, false);
    }
  }

  stop(): Promise<void> {
    return this.tap.stop();
  }

  /** While nobody reads: the tap waits, and keeps nothing alive. */
  rest(resting: boolean): void {
    if (resting) this.tap.process.unref();
    else this.tap.process.ref();
  }

  private handOver(rows: readonly SourceRow[], ended: boolean): TapPage {
    this.pages += 1;
    const { id, pages, state, anchor, after, digest, time, marks } = this;
    return { rows, position: { at: `${id}/${pages}`, state, anchor, after, digest, ended, time, marks } };
  }

  /** Why the tap's end is none; null where it is well. */
  private failure(): SourceError | null {
    if (this.failed !== null) return this.failed;
    const ending = this.tap.process.ending as Ending;
    if (ending.code !== 0 || ending.tooLong) return endError(this.config, ending, this.lastRecord);
    if (this.layout !== null || this.others.size === 0) return null;
    const { stream } = this.config;
    const seen = [...this.others].slice(0, 20).join(', ');
    return new SourceError('misconfigured', `${tapWords(this.config)}: it wrote nothing of the stream "${stream}"`, `it wrote ${seen}; correct stream, or select it in the catalog`);
  }

  /** The next message that matters; what it says of the schema and the cursor is taken in. */
  private async next(wait: number, signal: AbortSignal): Promise<Message | null | typeof QUIET> {
    for (;;) {
      const line = await this.tap.process.next(wait, signal);
      if (line === QUIET || line === null) return line;
      this.lines += 1;
      if (line.trim() === '') continue;
      const message = readMessage(line);
      if (message === null) {
        this.failed = await this.rubbish(signal);
        return null;
      }
      if (message.type === 'STATE') {
        this.keep(message);
        return message;
      }
      if (message.type === 'other') continue;
      if (!this.tap.names.includes(message.stream)) {
        this.others.add(message.stream);
        continue;
      }
      if (message.type === 'BATCH') throw new SourceError('misconfigured', `${tapWords(this.config)}: it writes BATCH messages, whose files are not read`, 'take batch_config out of the tap\'s config');
      if (message.type === 'SCHEMA') this.know(layoutOf(this.config, this.columns, message));
      return message;
    }
  }

  private know(layout: Layout): void {
    if (this.options.timed && !layout.timed) {
      throw new SourceError('misconfigured', `source ${this.config.name}: a window of time needs updatedAt`, 'set updatedAt to the property of the last change, or read without a window');
    }
    this.layout = layout;
  }

  private keep({ value, resumable }: MessageOf<'STATE'>): void {
    if (value === 'null') return;
    this.state = value;
    // The same again, as where very many were changed at one moment, is no step forward: what came since still counts.
    if (!resumable || value === this.anchor) return;
    this.anchor = value;
    this.after = 0;
    this.digest = null;
    if (this.time !== null) this.marks = withMark(this.marks, { state: value, time: this.time }, this.config.overlap);
  }

  private row({ record }: MessageOf<'RECORD'>): SourceRow {
    if (this.layout === null) this.know(layoutOf(this.config, this.columns, { schema: null, keys: [], bookmarks: [] }));
    this.records += 1;
    this.after += 1;
    this.lastRecord = record;
    if (this.digest !== null) this.digest = hashed(this.digest, record);
    const row = (this.layout as Layout).row(record, this.options.now, `record ${this.records}`);
    this.time = later(this.time, row.time);
    return row;
  }

  /** Passes over what was handed over before; false where it is not the same any more. */
  private async skip(count: number, digest: string, signal: AbortSignal): Promise<boolean> {
    const { state, anchor, marks } = this;
    let seen = '';
    for (let passed = 0; passed < count; ) {
      const message = await this.next(this.config.timeout, signal);
      if (message === QUIET) throw hangs(this.config);
      if (message === null) {
        const failure = this.failure();
        if (failure !== null) throw failure;
        return false;
      }
      if (message.type !== 'RECORD') continue;
      passed += 1;
      seen = hashed(seen, message.record);
      this.records += 1;
      this.lastRecord = message.record;
    }
    Object.assign(this, { state, anchor, marks, after: count, digest: seen });
    return seen === digest;
  }

  /** Looks a little further to say how much of it there is; nothing after the first such line is used. */
  private async rubbish(signal: AbortSignal): Promise<SourceError> {
    const first = this.lines;
    const until = performance.now() + RUBBISH_MS;
    let count = 1;
    let more = 0;
    while (more < RUBBISH_LINES && performance.now() < until) {
      const line = await this.tap.process.next(Math.max(until - performance.now(), 0), signal);
      if (line === null || line === QUIET) break;
      more += 1;
      if (line.trim() !== '' && readMessage(line) === null) count += 1;
    }
    await this.tap.stop();
    const what = count === 1 ? `line ${first} of its output is no Singer message` : `${count} lines of its output are no Singer messages, the first is line ${first}`;
    return new SourceError('unreachable', `${tapWords(this.config)}: ${what}`, 'let the tap log to stderr, and see that command is a Singer tap; what was read before is kept');
  }
}
