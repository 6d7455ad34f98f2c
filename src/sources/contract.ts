import type { Json } from '../contacts/index.js';

/** One row as a source read it, before it is understood as a contact. */
export interface SourceRow {
  /** The contact key as text; null where the row has none. */
  readonly key: string | null;
  /** ISO 8601 UTC with six decimals (`2024-01-31T12:00:00.123456Z`); null where absent or not a time. */
  readonly time: string | null;
  /** True where the row carries a time that is no usable time or lies in the future. */
  readonly oddTime?: boolean;
  /** Values in the order of {@link SourcePage.columns}'s reader, see `columnsOf`. */
  readonly values: readonly unknown[];
  /** Where it stands, for messages: `line 7`. */
  readonly place?: string;
  /** Why the row cannot be read at all; such a row is invalid. */
  readonly fault?: string;
}

export interface SourcePage {
  readonly rows: readonly SourceRow[];
  /** From where reading goes on after this page. Opaque to everybody but the source; safe to store. */
  readonly position: Json;
  /** True on the last page (which may be empty). */
  readonly last: boolean;
}

/** What one run reads: fixed when the run starts, stored with it, the same after every resume. */
export interface ReadPlan {
  readonly kind: 'incremental' | 'full' | 'window' | 'only';
  /** Lower bound, ISO microseconds; null: from the beginning. */
  readonly from: string | null;
  /** Frozen upper bound, ISO microseconds; null where the source has no clock (a file). */
  readonly to: string | null;
  /** Everything the source holds is read, whatever `kind` says: what is not met is not there. */
  readonly whole?: true;
  /** Things a person should know, in words (a transaction that has held the lower bound for an hour). */
  readonly warnings: readonly string[];
  /** The source's own notes. */
  readonly notes: Json;
}

/** What is kept between runs once every page of one is staged. */
export interface SourceState {
  /** Up to where the source has been read: ISO microseconds, never beyond the bound; null: never read. */
  readonly cursor: string | null;
  readonly notes: Json;
}

export interface ReadRequest {
  readonly kind: 'incremental' | 'full' | 'window' | 'only';
  /** What the last complete run left; null: none yet. */
  readonly state: SourceState | null;
  /** For `window`. */
  readonly from?: string;
  readonly to?: string;
  /** For `only`. */
  readonly keys?: readonly string[];
}

/**
 * A place contacts come from. Every method may throw {@link SourceError}.
 * One instance serves many runs; it holds no state of a run.
 */
export interface Source {
  /** Tries the connection and the mapping; for `doctor`. Resolves to a line in words. */
  check(signal: AbortSignal): Promise<string>;
  /** Freezes the upper bound and decides the lower one. Called once a run. */
  begin(request: ReadRequest, signal: AbortSignal): Promise<ReadPlan>;
  /** Reads on from `position` (null: the start). Ends after the page with `last`. */
  pages(plan: ReadPlan, position: Json | null, signal: AbortSignal): AsyncIterable<SourcePage>;
  /**
   * The state to keep after the last page, given the greatest usable row time seen.
   * @param position of the last page; a source whose cursor is not a time has it there
   */
  finish(plan: ReadPlan, previous: SourceState | null, maxTime: string | null, signal: AbortSignal, position?: Json): Promise<SourceState>;
  /** Roughly how many rows the plan covers, where that is cheap to ask; null otherwise. */
  count(plan: ReadPlan, signal: AbortSignal): Promise<number | null>;
  /** How many rows without a key there are now, where an incremental reading does not meet them all. */
  keyless?(signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/** A source's failure, sorted for whoever decides what follows. Its message holds no row data and no secret. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  constructor(
    /** `unreachable` is tried again for as long as it takes; `misconfigured` ends the run with the words. */
    readonly kind: 'unreachable' | 'misconfigured',
    message: string,
    /** The way out, in words. */
    readonly hint?: string,
  ) {
    super(message);
  }
}
