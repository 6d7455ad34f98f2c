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
  /**
   * The column set of `fields`, for platforms that write every listed column for every record of a call:
   * only rows of the same shape share a call. Absent: any rows do.
   */
  readonly shape?: string;
  /** The contact's key changed and this is its former one. Only where {@link Capabilities.keyChange} is set. */
  readonly previousKey?: string;
  /**
   * By what the platform recognises the contact where it holds no key of ours (`matchedBy: identity`): a text that is
   * the same for two contacts exactly where the platform takes them for one. The ledger stores its hash.
   */
  readonly identity?: string;
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
  /** Its former key, in a call that renames; else null. */
  readonly previousKey: string | null;
  /** The platform's own id of this very contact, where an answer tied it to this one row; else null. */
  readonly platformId: string | null;
}

/** What the rows of a call have in common: rows of different forms never share one. */
export interface CallForm {
  /**
   * False: nothing is said about consent and no contact is made: their consent has not changed since it was last sent.
   * Only where {@link Capabilities.consent} is `whenChanged`.
   */
  readonly consent: boolean;
  /** True: each row changes its contact's key from `previousKey` to `key`. */
  readonly renames: boolean;
}

export interface OutgoingBatch {
  /** The ledger's batch id, unique for ever: idempotency key where a platform has one. */
  readonly id: string;
  readonly form: CallForm;
  /** At least one; all with the same action, form and shape. */
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

/** What the platform says about a row it took. */
export interface RowNote {
  readonly ord: number;
  /** In words, masked like {@link RowFailure.reason}. */
  readonly reason: string;
}

/** What a platform counts in a result that came later. */
export interface Receipt {
  readonly inserted: number;
  readonly updated: number;
  /** Taken out by the platform while it processed the batch: not delivered. */
  readonly skipped: number;
  /** Ids of the inserted and updated contacts, in no order that could be relied on. */
  readonly ids: readonly string[];
}

/** What became of one call. The lane alone decides what follows (`src/lanes`). */
export type Outcome =
  /** Every row has its answer: those in `failed` were refused, all others taken. */
  | {
    readonly kind: 'answered';
    readonly failed: readonly RowFailure[];
    /**
     * Rows the platform left alone because it does not hold their contact, though the call did not say to make it:
     * they are sent again, now as new contacts (and a rename as an ordinary row).
     */
    readonly absent?: readonly number[];
    readonly warnings?: readonly RowNote[];
    readonly receipt?: Receipt;
    readonly httpStatus: number;
  }
  /** The platform took some rows and not others and does not say which (a bare count, a sum that does not fit). */
  | { readonly kind: 'unclear'; readonly accepted: number; readonly message: string; readonly httpStatus: number }
  /** The result comes later, by `poll`. */
  | {
    readonly kind: 'accepted';
    readonly reference: string;
    /** What the platform remarks on the call as a whole (a property it does not know): shown with the batch and the lane. */
    readonly notes?: readonly string[];
    /** Rows whose `platformId` the platform does not know (any more): the ledger forgets it. */
    readonly unknownIds?: readonly number[];
    readonly httpStatus: number;
  }
  /** Accepted earlier, and then not processed as a whole: sent again, then split. */
  | { readonly kind: 'failed'; readonly message: string; readonly httpStatus: number }
  /** The token was refused; nothing was processed. The destination has dropped it: authorise, then send again. */
  | { readonly kind: 'expired'; readonly message: string; readonly httpStatus: number }
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
  /** The SMS permission where the platform shows one and it is compared. */
  readonly smsOptedIn?: boolean;
  /** For destinations that match by e-mail, where the platform holds no key. */
  readonly email?: string | null;
  /** The fields the destination compares, in the same form as {@link Prepared.fields}. */
  readonly fields: string;
}

/** What a campaign will find in one locale, as the platform counts it. */
export interface CampaignLocale {
  /** null: contacts without one. */
  readonly locale: string | null;
  /** Contacts opted in. */
  readonly count: number;
  readonly hasTemplate: boolean;
}

/** Asks for a place in the account's pace before each read; resolves when it may leave. */
export type Paced = <T>(call: (signal: AbortSignal) => Promise<T>) => Promise<T>;

export interface Capabilities {
  readonly maxBatchSize: number;
  /** Bytes of one request body, null: no known limit. */
  readonly maxBodyBytes: number | null;
  /** Rows an erasing call may hold, where that differs from `maxBatchSize`. */
  readonly maxEraseBatchSize?: number;
  /** Rows a renaming call may hold, where that differs from `maxBatchSize`: after a cut each of them is looked up. */
  readonly maxRenameBatchSize?: number;
  /** By what the platform recognises a contact again; absent: by key. `identity`: see {@link Prepared.identity}. */
  readonly matchedBy?: 'key' | 'email' | 'identity';
  /**
   * `whenChanged`: rows of known contacts whose consent has not changed go in calls of their own that say nothing about
   * it, so that what people did at the platform stands. @default 'always'
   */
  readonly consent?: 'always' | 'whenChanged';
  /**
   * What a changed key means: `platform`: the platform is told the new one in a call that renames; `ledger`: it holds no
   * key of ours, so only the ledger changes. Absent: the row is a new contact's.
   */
  readonly keyChange?: 'platform' | 'ledger';
  /** `hold`: a contact whose identity changed is not sent while its platform id is not known. @default 'send' */
  readonly identityChange?: 'hold' | 'send';
  /** What somebody should know before a run, in words: shown by `plan`. */
  readonly notices?: readonly string[];
  /** How results come. */
  readonly results: 'immediate' | 'later';
  /** What a verification can do. */
  readonly readBack: 'full' | 'sample' | 'receipts';
  /** Locales the platform takes, null: any. */
  readonly locales: readonly string[] | null;
}

/** What `poll` finds of a batch that was accepted: its end, or trouble in asking, or not yet. */
export type Later = Outcome | { readonly kind: 'pending' };

/** A webhook as it arrived. */
export interface WebhookCall {
  /** Of its address, without duplicates. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Somebody's opt-out, as a platform tells it. */
export interface OptOut {
  /** Our key of the contact there; null: the platform names none. */
  readonly key: string | null;
  readonly email: string | null;
  readonly channel: 'email' | 'sms';
  /** When it happened, at the latest: ISO 8601 UTC. null: the platform does not say. */
  readonly at: string | null;
  /**
   * `act`: the person, or the platform on their behalf, took it back (an unsubscription, an entry of its suppression
   * list); `state`: the contact merely stands there as not opted in, which is an opt-out only where we had sent otherwise.
   */
  readonly evidence: 'act' | 'state';
  /** In a few words, without data: `unsubscribed`, `on the suppression list (complaint)`. */
  readonly reason: string;
}

/** What a genuine webhook tells. */
export type WebhookNews =
  /** Something about a batch of ours; and the platform's reference for it where it names one. */
  | { readonly kind: 'batch'; readonly batch: string; readonly reference: string | null }
  /** People who opted out. `delivery`: by what the same call is known when it comes again. */
  | { readonly kind: 'optOuts'; readonly delivery: string | null; readonly optOuts: readonly OptOut[] };

/** A target in one account of a marketing platform. Methods never log and never put a contact's data in a message. */
export interface Destination {
  readonly capabilities: Capabilities;
  /** Pure: maps and checks one contact. */
  prepare(contact: Contact): Prepared | Unsendable;
  /**
   * Builds ahead what sending this very batch takes, so that the call leaves on the dot; absent: building costs next to
   * nothing beside the platform's pace. `send` must do without it, too.
   */
  compose?(batch: OutgoingBatch): void;
  /**
   * Makes exactly one bulk call. Never throws for what the platform does; `signal` aborts it (outcome unknown).
   * @param onAnswer told when the answer is there, before it is read: where the pace counts from the answer
   */
  send(batch: OutgoingBatch, signal: AbortSignal, onAnswer?: () => void): Promise<Outcome>;
  /** Reads everything back, a page at a time. Only where `readBack` is `full`. */
  readAll?(paced: Paced, signal: AbortSignal): AsyncIterable<readonly FoundContact[]>;
  /**
   * Makes sure that a token is at hand that outlives the next call; absent: the platform takes its key with each call.
   * Called before every call, so it returns at once where nothing is to be done.
   * @returns null when calls may be made, else why not
   */
  authorise?(paced: Paced, signal: AbortSignal): Promise<Outcome | null>;
  /** Asks once for the result of an accepted batch. Only where `results` is `later`. Never throws for what the platform does. */
  poll?(sent: { readonly id: string; readonly reference: string; readonly rows: number }, signal: AbortSignal): Promise<Later>;
  /**
   * Asks the platform what became of a call that ended without an answer, where sending it again could do harm.
   * @returns the positions that arrived; null: sending the newest version again is harmless
   * @throws DestinationError
   */
  resolve?(batch: OutgoingBatch, paced: Paced, signal: AbortSignal): Promise<readonly number[] | null>;
  /** Checks that a webhook is genuine. @returns what it tells; null: not genuine */
  webhook?(call: WebhookCall): WebhookNews | null;
  /**
   * Reads who opted out at the platform, a page at a time; absent: it cannot be asked.
   * @param since tells only of what was done since then, as far as the platform can be asked so: ISO 8601 UTC; null: everything
   * @throws DestinationError
   */
  optOuts?(since: string | null, paced: Paced, signal: AbortSignal): AsyncIterable<readonly OptOut[]>;
  /**
   * Has the platform's own suppression list let go of a contact whose newer consent is about to be sent (one call, made
   * before the row's own); absent: it has none, or `send` sees to it. Never throws for what the platform does.
   * @returns `answered` also where the contact was not on it
   */
  letBackIn?(row: OutgoingRow, signal: AbortSignal): Promise<Outcome>;
  /** How many contacts the platform holds; null: it does not say. Only where `readBack` is `sample`. Throws DestinationError. */
  count?(paced: Paced, signal: AbortSignal): Promise<number | null>;
  /** One contact by key; null: not there. Only where `readBack` is `sample`. Throws DestinationError. */
  find?(key: string, paced: Paced, signal: AbortSignal): Promise<FoundContact | null>;
  /**
   * What a campaign will find by locale, in the platform's own count; absent: the platform cannot be asked.
   * @throws DestinationError `misconfigured` or `unauthenticated` where the campaign is not known or may not be read:
   *   that fails the verdict, and is not tried again
   */
  coverage?(campaign: string, paced: Paced, signal: AbortSignal): Promise<readonly CampaignLocale[]>;
  /** Tries the credentials with one harmless read; for `doctor`. */
  check(signal: AbortSignal): Promise<Outcome>;
  /** Where two `fields` differ, by field name, without values. `optedIn` null: consent is not mapped, not compared. */
  compare(expected: { readonly fields: string; readonly optedIn: boolean | null; readonly smsOptedIn?: boolean | null }, found: FoundContact): readonly string[];
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
