import type { SuppressionDocument } from './suppressions.js';

/**
 * The JSON of the command line, as types. Names are promises: add freely, rename none.
 */
export type RunStatus = 'running' | 'delivering' | 'completed' | 'completed_with_rejects' | 'failed' | 'cancelled';
export type RunKind = 'incremental' | 'full' | 'backfill' | 'retry' | 'only' | 'repair' | 'optOut' | 'erase';
export type BatchStatus = 'sending' | 'accepted' | 'unknown' | 'settled' | 'refused' | 'split';
export type LaneState = 'idle' | 'sending' | 'waiting' | 'backing_off' | 'paused' | 'blocked';

/** The books of a run; both sums of promise 1 hold over it. */
export interface Counts {
  readonly extracted: number;
  readonly invalid: number;
  readonly filtered: number;
  readonly unchanged: number;
  /** Part of `unchanged`. */
  readonly stillRejected: number;
  readonly superseded: number;
  readonly suppressed: number;
  readonly queued: number;
  readonly delivered: number;
  readonly rejected: number;
  readonly overtaken: number;
  readonly waiting: number;
  readonly inFlight: number;
}

export interface CallCounts {
  readonly total: number;
  readonly succeeded: number;
  readonly rateLimited: number;
  readonly retried: number;
  readonly unknownSettled: number;
}

export interface BatchDocument {
  readonly batch: number;
  readonly rows: number;
  readonly ofThisRun: number;
  readonly delivered: number;
  readonly rejected: number;
  readonly status: BatchStatus;
  readonly httpStatus: number | null;
  readonly attempts: number;
  readonly startedAt: string;
  readonly durationMs: number | null;
  /** What the platform said, where it was not a plain success. */
  readonly message: string | null;
  /** What the platform counted, where its results come later; null: no result yet, or none of that kind. */
  readonly receipt: { readonly inserted: number; readonly updated: number; readonly skipped: number } | null;
  /** Its remarks on the call as a whole, for example properties it does not know. */
  readonly notes: readonly string[];
}

/** A bulk call of an account, in counts. */
export interface RecentCall {
  readonly batch: number;
  readonly destination: string;
  readonly rows: number;
  readonly delivered: number;
  readonly rejected: number;
  readonly status: BatchDocument['status'];
  readonly httpStatus: number | null;
  readonly durationMs: number | null;
}

export interface LaneDocument {
  readonly account: string;
  readonly state: LaneState;
  readonly reason: string | null;
  readonly hint: string | null;
  readonly until: string | null;
}

export interface LocaleVerdict {
  /** `none`: contacts without a locale. */
  readonly locale: string;
  readonly expected: number;
  readonly found: number;
  readonly missing: number;
  readonly unexpected: number;
  readonly different: number;
  readonly pending: number;
  readonly minimum: number;
  readonly pass: boolean;
  /** Of a sample: contacts of this locale that were read. */
  readonly sampled?: number;
  /** Of a sample that left contacts out: what differs is scaled from those read. */
  readonly estimated?: true;
  /** Of a sample: at the confidence asked, no more contacts than this differ. */
  readonly atMost?: number;
}

/** What a campaign will find in a locale, against the contacts that were found opted in at the platform. */
export interface CampaignLocaleVerdict {
  /** `none`: contacts without a locale. */
  readonly locale: string;
  /** Contacts opted in by the platform's own count. */
  readonly count: number;
  /** Contacts opted in at the platform as they were read, whoever brought them there. */
  readonly found: number;
  readonly hasTemplate: boolean;
  readonly pass: boolean;
  /** Why not, in words; absent: it passes. */
  readonly faults?: readonly string[];
}

/** Whether a campaign can go out. What fails is also among the `faults` of its verification. */
export interface CampaignVerdict {
  readonly id: string;
  readonly pass: boolean;
  readonly locales: readonly CampaignLocaleVerdict[];
  /** Why it could not be asked, in the platform's words, with the way out; absent: it was. */
  readonly fault?: string;
}

export interface VerificationDocument {
  readonly verdict: 'pass' | 'fail';
  readonly method: 'full' | 'sample' | 'receipts';
  readonly against: 'source' | 'ledger';
  readonly locales: readonly LocaleVerdict[];
  /** Contacts at the destination that were never ours; they fail nothing. */
  readonly foreign: number;
  /** Expected contacts whose key belongs to another sync of the destination, left out of both sides; absent: none. */
  readonly elsewhere?: number;
  readonly at: string;
  /** Where a campaign was asked for. */
  readonly campaign?: CampaignVerdict;
  /** What fails beside the locales, in words. */
  readonly faults?: readonly string[];
  /** What somebody should know who reads the verdict. */
  readonly notices?: readonly string[];
  /** `sample`: contacts read one by one. */
  readonly sampleSize?: number;
  /** `sample`: contacts it was drawn from. */
  readonly population?: number;
  readonly confidence?: number;
  /** `sample`: the share of contacts that may differ unseen. */
  readonly maxError?: number;
  /** `sample`: at the confidence asked, no more contacts than this differ. */
  readonly atMost?: number;
  /** `sample`: contacts the platform says it holds, and contacts the ledger knows it to hold; absent: not told. */
  readonly total?: { readonly found: number; readonly known: number };
  /** `sample`: calls the reading took, and seconds. */
  readonly reads?: number;
  readonly seconds?: number;
  /** `receipts`: what the platform counted of each batch against what the ledger holds as delivered by it. */
  readonly receipts?: ReceiptCheck;
}

export interface ReceiptCheck {
  /** Batches that delivered something or have a receipt. */
  readonly batches: number;
  /** Contacts delivered by them, each time it was. */
  readonly contacts: number;
  /** Batches settled without a receipt: nobody has confirmed their numbers. */
  readonly withoutReceipt: number;
  /** Batches whose receipt counts other than was delivered. */
  readonly mismatched: number;
}

export interface Difference {
  readonly key: string;
  readonly locale: string;
  readonly kind: 'missing' | 'unexpected' | 'different';
  /** In words, for example `rejected: invalid email`. */
  readonly why?: string;
  /** Field names and values as shown to the person who asked; never logged. */
  readonly expected: Readonly<Record<string, unknown>> | null;
  readonly found: Readonly<Record<string, unknown>> | null;
}

/** What a configuration that changed touches: how many contacts come out different, in how many calls, in what time. */
export interface MappingDocument {
  readonly changed: true;
  /** What a full run would send; null: not counted (yet). */
  readonly contacts: number | null;
  /** Bulk calls. */
  readonly calls: number | null;
  /** Until the last of them may leave, at the account's limit. */
  readonly seconds: number | null;
}

export interface RunDocument {
  readonly run: string;
  readonly sync: string;
  readonly kind: RunKind;
  readonly status: RunStatus;
  readonly attached: boolean;
  readonly counts: Counts;
  readonly warnings: Readonly<Record<string, number>>;
  readonly calls: CallCounts;
  readonly batches: readonly BatchDocument[];
  readonly batchesTotal: number;
  /** When its details were removed: batches are not listed any more. */
  readonly prunedAt: string | null;
  readonly cursor: { readonly from: string | null; readonly to: string | null };
  readonly lane: LaneDocument;
  readonly verification: VerificationDocument | null;
  readonly workflowId: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Why it failed, in words. */
  readonly error: string | null;
  /** Things a person should know (a changed mapping, a held lower bound). */
  readonly notices: readonly string[];
  /** True while the source is still being read. */
  readonly extracting: boolean;
  /** A service this run cannot reach just now, and for how long. */
  readonly trouble: { readonly reason: string; readonly seconds: number } | null;
  /** Rows the source was asked to hold in this window, where it could tell; for progress. */
  readonly estimate: number | null;
  /** The first run after the configuration changed says what that touches; null in every other. */
  readonly mapping: MappingDocument | null;
  /** What of the source's time a backfill reads (null: no bound), and whether it is paused; null: it is no backfill. */
  readonly backfill: { readonly from: string | null; readonly to: string | null; readonly paused: boolean } | null;
}

export type RunSummary = Omit<RunDocument, 'batches'>;

export interface AuditDocument {
  readonly balanced: boolean;
  readonly runs: readonly {
    readonly run: string;
    readonly sync: string;
    readonly counts: Counts;
    /** Its rows are no longer in the ledger: only the sums of its counts were checked. */
    readonly pruned: boolean;
    readonly balanced: boolean;
    /** What does not add up, in words; empty when balanced. */
    readonly faults: readonly string[];
  }[];
}

export interface FailureDocument {
  readonly key: string | null;
  /** `line 7` where the row has no key. */
  readonly place: string | null;
  readonly reason: string;
  readonly code: string;
  readonly run: string;
  readonly since: string;
  readonly attempts: number;
}

export interface SyncStatus {
  readonly sync: string;
  readonly source: string;
  readonly destination: string;
  readonly account: string;
  readonly cursor: string | null;
  /** Seconds since the source was last read to its end; null: never. */
  readonly lagSeconds: number | null;
  readonly lastRun: { readonly run: string; readonly kind: RunKind; readonly status: RunStatus; readonly startedAt: string; readonly endedAt: string | null } | null;
  readonly nextRun: string | null;
  /** A backfill that still reads; null: none. */
  readonly backfill?: { readonly run: string; readonly paused: boolean } | null;
  /** Of a sync that is configured to have one, where Temporal was asked. `missing`: not applied. */
  readonly schedule?: { readonly state: 'active' | 'paused' | 'missing'; readonly note: string | null };
  readonly waiting: number;
  readonly inFlight: number;
  readonly failures: number;
}

export interface Percentiles {
  readonly p50Seconds: number;
  readonly p95Seconds: number;
}

export interface LaneStatus extends LaneDocument {
  readonly waiting: number;
  readonly inFlight: number;
  readonly unknown: number;
  readonly oldestWaitingSeconds: number | null;
  readonly callsLastMinute: number;
  /** Batches that were accepted and whose result is awaited. */
  readonly accepted: number;
  /** Opt-outs and erasures: those that wait, and how long the last thousand of each destination took to reach it. */
  readonly optOuts: {
    readonly waiting: number;
    readonly oldestWaitingSeconds: number | null;
    readonly effective: number;
    /** From the source's own time of the change; null: none yet. */
    readonly fromSource: Percentiles | null;
    /** From the moment a run had read it. */
    readonly fromStaging: Percentiles | null;
  };
  /** What the platforms remark on calls as a whole, by destination: `sms: MainBrainer does not know the property city`. */
  readonly notices: readonly string[];
}

export interface StatusDocument {
  readonly syncs: readonly SyncStatus[];
  readonly lanes: readonly LaneStatus[];
}

/** Why a contact's consent is what it is. */
export interface ConsentStanding {
  /** When the person said what the source has, as it was last staged; null: nothing staged, or the source does not tell. */
  readonly consentAt: string | null;
  /** Opt-outs kept of the contact, newest first; one with `holds` false has given way to a consent that is certainly newer. */
  readonly suppressions: readonly (SuppressionDocument & { readonly holds: boolean })[];
}

/** One contact's whole story, oldest first. */
export interface StoryDocument {
  readonly sync: string;
  readonly key: string;
  readonly consent: ConsentStanding;
  /** The person was forgotten, or deleted at the source: nothing is sent until they are let back in. `clean`: no payload is left here. */
  readonly erased: { readonly at: string; readonly reason: string; readonly clean: boolean } | null;
  /** What the destination is known to hold; null: nothing. */
  readonly delivered: { readonly fields: unknown; readonly emailConsent: string; readonly smsConsent: string; readonly version: string; readonly batch: number; readonly at: string | null } | null;
  readonly waiting: { readonly fields: unknown; readonly emailConsent: string; readonly smsConsent: string; readonly version: string; readonly since: string; readonly notBefore: string | null; readonly run: string } | null;
  readonly inFlight: { readonly batch: number; readonly status: BatchStatus; readonly since: string } | null;
  readonly rejection: FailureDocument | null;
  readonly events: readonly { readonly at: string; readonly what: string; readonly run: string | null; readonly batch: number | null; readonly fields?: unknown; readonly emailConsent?: string }[];
}
