import type { Destination, FoundContact, Paced } from '../destinations/index.js';
import type { Difference, Pool, VerificationDocument } from '../ledger/index.js';

/** One contact as the source side wants the destination to hold it. */
export interface ExpectedContact {
  readonly key: string;
  /** null or empty: none. */
  readonly locale: string | null;
  /** In the ledger's sense (granted, after clamping). null: consent is not mapped, the destination's own stands. */
  readonly optedIn: boolean | null;
  /** The same for SMS. null or absent: not compared. */
  readonly smsOptedIn?: boolean | null;
  /** In the form of `Prepared.fields`; null: the source has the contact, but it cannot be sent (invalid). */
  readonly fields: string | null;
  /**
   * The row's time, ISO 8601: where a source shows a key twice, the newest counts, as in staging.
   * null or absent: the time of reading, so newer than any given one; of equals the one read last counts.
   */
  readonly version?: string | null;
}

export interface VerifyProgress {
  readonly phase: 'reading' | 'comparing';
  readonly expectedRead: number;
  readonly foundRead: number;
  /** Of a sample: contacts read and to be read. */
  readonly sample?: { readonly done: number; readonly total: number };
}

/** What every method of verification needs. */
export interface CompareInput {
  /** The ledger. One connection of it is held until {@link Verification.close}. */
  readonly pool: Pool;
  readonly syncId: number;
  readonly destinationId: number;
  readonly against: 'source' | 'ledger';
  /** Pages of the source side; read first, once. */
  readonly expected: AsyncIterable<readonly ExpectedContact[]>;
  readonly compare: Destination['compare'];
  /** Locale → least number of opted-in contacts; `none`: contacts without one. */
  readonly locales: Readonly<Record<string, number>>;
  /** Differences (missing + unexpected + different) that still pass, a locale. */
  readonly tolerance: number;
  /** Called after each page and between the steps of the comparison. */
  onProgress?(progress: VerifyProgress): void;
  readonly signal: AbortSignal;
}

export interface VerifyInput extends CompareInput {
  /** Pages of the destination; read second, once. Repeated contacts count once, as last read. */
  readonly found: AsyncIterable<readonly FoundContact[]>;
}

export interface SampleInput extends CompareInput {
  readonly destination: Required<Pick<Destination, 'count' | 'find'>>;
  /** Has each read take its turn. */
  readonly paced: Paced;
  /** Between 0 and 1: see `sampleSize`. */
  readonly confidence: number;
  readonly maxError: number;
  /** From 0 to below 1. @default Math.random */
  readonly random?: () => number;
  /** Sleeps so many milliseconds between two tries of one read. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
}

/** A finished verification whose working tables still stand. */
export interface Verification {
  readonly document: VerificationDocument;
  /**
   * The contacts that differ, by locale (`none` last), kind and key.
   * May be read more than once, also at the same time.
   * @param limitPerLocaleAndKind at most so many of each; null: all of them
   */
  differences(limitPerLocaleAndKind: number | null): AsyncIterable<Difference>;
  /** Contacts read of the destination that are opted in, by locale in lower case, whoever's they are. */
  optedIn(): Promise<ReadonlyMap<string, number>>;
  /** Drops the working tables and gives the connection back. Safe to call twice. */
  close(): Promise<void>;
}
