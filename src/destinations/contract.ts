import type { Contact, Json } from '../contacts/index.js';

/**
 * A channel's consent as the ledger stores it. `unmapped`: the source says nothing about this channel,
 * so nothing is said to the platform either (a suppression still clamps it to denied).
 */
export const CONSENT = { unknown: 0, denied: 1, granted: 2, unmapped: 3 } as const;
export type ConsentCode = (typeof CONSENT)[keyof typeof CONSENT];

/** 0: create or update; 1: erase at the platform. */
export const ACTION = { upsert: 0, erase: 1 } as const;
export type Action = (typeof ACTION)[keyof typeof ACTION];

/** A contact made ready for one destination: what the ledger keeps, compares and sends. */
export interface Prepared {
  /**
   * The destination's mapped fields as JSON text, without consent, in a fixed order:
   * its hash tells whether anything changed.
   */
  readonly fields: string;
  readonly emailConsent: ConsentCode;
  readonly smsConsent: ConsentCode;
  /** For verification by locale; null: none. */
  readonly locale: string | null;
  /** Reasons in words for fields that were sent as empty; no values in them. */
  readonly warnings: readonly string[];
  /**
   * True where the row can only reach a contact the destination already holds
   * (an opt-out that has nothing but its key): on an unknown contact it must not be sent.
   */
  readonly onlyIfKnown?: boolean;
}

/** Why a contact cannot be sent to this destination at all; no values in it. */
export interface Unsendable {
  readonly invalid: string;
}

/** One row of a call. */
export interface OutgoingRow {
  /** Position in the batch, from 0. */
  readonly ord: number;
  readonly key: string;
  readonly action: Action;
  readonly fields: string;
  readonly emailConsent: ConsentCode;
  readonly smsConsent: ConsentCode;
  /** Whether the destination is known to hold this contact. */
  readonly known: boolean;
}

export interface OutgoingBatch {
  /** The ledger's batch id, unique for ever: idempotency key where a platform has one. */
  readonly id: string;
  readonly rows: readonly OutgoingRow[];
}

/** A row the platform refused by itself. */
export interface RowFailure {
  readonly ord: number;
  /** Short and stable, for grouping: `invalid_email`. */
  readonly code: string;
  /** The platform's words, with addresses and phones masked. */
  readonly reason: string;
}

/** What became of one call. The lane alone decides what follows (`src/lanes`). */
export type Outcome =
  /** Every row has its answer: those in `failed` were refused, all others taken. */
  | { readonly kind: 'answered'; readonly failed: readonly RowFailure[]; readonly httpStatus: number }
  /** The platform took some rows and not others and does not say which (a bare count, a sum that does not fit). */
  | { readonly kind: 'unclear'; readonly accepted: number; readonly message: string; readonly httpStatus: number }
  /** The result comes later. */
  | { readonly kind: 'accepted'; readonly reference: string; readonly httpStatus: number }
  /** The whole call was refused for what is in it, no row named. */
  | { readonly kind: 'refused'; readonly message: string; readonly httpStatus: number }
  /** Too many calls; `retryAfterMs` null where the platform does not say. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number | null; readonly message: string; readonly httpStatus: number }
  /** A quota is used up; `until` ISO where known. */
  | { readonly kind: 'quota'; readonly until: string | null; readonly message: string; readonly httpStatus: number }
  | { readonly kind: 'unauthenticated'; readonly message: string; readonly hint: string; readonly httpStatus: number }
  /** Not allowed, or something named in the configuration does not exist there. */
  | { readonly kind: 'misconfigured'; readonly message: string; readonly hint: string; readonly httpStatus: number }
  /** Certainly not processed: a 5xx answer or a connection that never came about. */
  | { readonly kind: 'unavailable'; readonly message: string; readonly httpStatus: number | null }
  /** Sent, and no answer that can be trusted: a time-out, a cut, a broken body. */
  | { readonly kind: 'unknown'; readonly message: string; readonly httpStatus: number | null };

/** One contact as the platform holds it, for verification. */
export interface FoundContact {
  readonly key: string | null;
  readonly locale: string | null;
  readonly optedIn: boolean;
  /** For destinations that match by e-mail, where the platform holds no key. */
  readonly email?: string | null;
  /** The fields the destination compares, in the same form as {@link Prepared.fields}. */
  readonly fields: string;
}

/** Asks for a place in the account's pace before each read; resolves when it may leave. */
export type Paced = <T>(call: (signal: AbortSignal) => Promise<T>) => Promise<T>;

export interface Capabilities {
  readonly maxBatchSize: number;
  /** Bytes of one request body, null: no known limit. */
  readonly maxBodyBytes: number | null;
  /** Rows an erasing call may hold, where that differs from `maxBatchSize`. */
  readonly maxEraseBatchSize?: number;
  /** By what the platform recognises a contact again; absent: by key. */
  readonly matchedBy?: 'key' | 'email';
  /** How results come. */
  readonly results: 'immediate' | 'later';
  /** What a verification can do. */
  readonly readBack: 'full' | 'sample' | 'receipts';
  /** Locales the platform takes, null: any. */
  readonly locales: readonly string[] | null;
}

/** A target in one account of a marketing platform. Methods never log and never put a contact's data in a message. */
export interface Destination {
  readonly capabilities: Capabilities;
  /** Pure: maps and checks one contact. */
  prepare(contact: Contact): Prepared | Unsendable;
  /** Makes exactly one bulk call. Never throws for what the platform does; `signal` aborts it (outcome unknown). */
  send(batch: OutgoingBatch, signal: AbortSignal): Promise<Outcome>;
  /** Reads everything back, a page at a time. Only where `readBack` is `full`. */
  readAll?(paced: Paced, signal: AbortSignal): AsyncIterable<readonly FoundContact[]>;
  /** Tries the credentials with one harmless read; for `doctor`. */
  check(signal: AbortSignal): Promise<Outcome>;
  /** Where two `fields` differ, by field name, without values. `optedIn` null: consent is not mapped, not compared. */
  compare(expected: { readonly fields: string; readonly optedIn: boolean | null }, found: FoundContact): readonly string[];
  close(): Promise<void>;
}

/** A destination's failure while reading, sorted for whoever decides what follows. Its message holds no contact's data and no secret. */
export class DestinationError extends Error {
  override readonly name = 'DestinationError';
  constructor(
    /** `unreachable` and `throttled` may be tried again later; the others need a person. */
    readonly kind: 'unreachable' | 'throttled' | 'quota' | 'unauthenticated' | 'misconfigured',
    message: string,
    /** The way out, in words. */
    readonly hint?: string,
  ) {
    super(message);
  }
}

export type { Json };
