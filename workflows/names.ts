import { defineQuery, defineSignal } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { BatchDocument, Counts, LaneState, RecentCall, RunStatus, Seen, VerificationDocument } from '../src/ledger/index.js';

/** What a run is doing. */
export type Phase = 'opening' | 'extracting' | 'paused' | 'delivering' | 'verifying' | 'closed';

export interface SyncProgress {
  readonly run: string | null;
  readonly sync: string;
  readonly phase: Phase;
  readonly status: RunStatus;
  readonly counts: Counts | null;
  readonly cursor: { readonly from: string | null; readonly to: string | null };
  /** The last few, without what the platform said. */
  readonly batches: readonly Omit<BatchDocument, 'message'>[];
  readonly verification: VerificationDocument | null;
}

export interface BackfillProgress extends SyncProgress {
  /** Why nothing is read just now: somebody paused it, or enough rows wait for the destination. */
  readonly hold: 'paused' | 'full' | null;
  /** Rows there are to be read, roughly; null: the source cannot tell. */
  readonly estimate: number | null;
  /** Until the last row may have left, at the account's limit. */
  readonly secondsLeft: number | null;
}

export interface LaneProgress {
  readonly account: string;
  /** `sending` while a delivery is under way, which may be waiting for its turn. */
  readonly state: LaneState;
  readonly reason: string | null;
  /** Until when it waits, ISO 8601; null: it does not, or nobody knows. */
  readonly until: string | null;
  /** Calls made by this execution. */
  readonly calls: number;
  /** The last ones. */
  readonly recent: readonly RecentCall[];
}

export interface VerifyProgress {
  readonly sync: string;
  /** The run whose verification it is; null: somebody asked for it. */
  readonly run: string | null;
  readonly against: 'source' | 'ledger';
  readonly phase: 'verifying' | 'closed' | 'failed' | 'cancelled';
  readonly verification: VerificationDocument | null;
}

/** To a sync: some of its rows were settled. */
export const settledSignal = defineSignal('settled');
/** To a sync: stop reading; what is staged is still delivered. */
export const cancelSignal = defineSignal('cancel');
/** To a backfill: read nothing until it is resumed; what is staged goes out. */
export const pauseSignal = defineSignal('pause');
/** To a backfill: read on. */
export const resumeSignal = defineSignal('resume');
/** To a lane: a worker began, and none drives this account; do not wait for a delivery of a worker that died. */
export const takeOverSignal = defineSignal('takeOver');
/** To a lane: there may be something to do. Carries nothing; the ledger knows. */
export const wakeSignal = defineSignal('wake');

/** Every type answers it, each with its own. */
export const progressQuery = defineQuery<SyncProgress | LaneProgress | VerifyProgress>('progress');
export const laneQuery = defineQuery<LaneProgress>('lane');

export const syncAttribute = defineSearchAttributeKey('SynclineSync', 'KEYWORD');
export const destinationAttribute = defineSearchAttributeKey('SynclineDestination', 'KEYWORD');
export const kindAttribute = defineSearchAttributeKey('SynclineKind', 'KEYWORD');
export const phaseAttribute = defineSearchAttributeKey('SynclinePhase', 'KEYWORD');
export const rejectedAttribute = defineSearchAttributeKey('SynclineRejected', 'INT');

/** Start of a sync workflow: names and ids only. What the run was asked to do stands in the ledger. */
export interface SyncInput {
  readonly sync: string;
  /** Absent where a schedule starts it: the run is opened by the workflow. */
  readonly run?: string;
  /** Milliseconds after which the run closes as delivering while its rows still wait. */
  readonly settleWithin?: number;
  /** When the first execution began, in milliseconds since 1970. Absent in the first. */
  readonly startedAt?: number;
  /** The cluster has our search attributes. */
  readonly attributes: boolean;
  /** Events after which the workflow continues as new. @default 2000 */
  readonly historyLimit?: number;
  /** Where a run that continued as new goes on. */
  readonly phase?: Phase;
}

export interface BackfillInput extends SyncInput {
  /** Asked for of the execution before this one, and not in the ledger yet. */
  readonly paused?: boolean;
}

export interface LaneInput {
  readonly account: string;
  /** The furthest the ledger has been known to be, by executions before this one. */
  readonly seen?: Seen;
  readonly attributes: boolean;
  /** @default 2000 */
  readonly historyLimit?: number;
}

export interface VerifyInput {
  readonly sync: string;
  /** Under which the differences are kept in the ledger. */
  readonly id: string;
  /** The run whose verification it is: the verdict goes into its books, and its differences are not kept. */
  readonly run?: string;
  readonly against: 'source' | 'ledger';
  /** Of a sample; absent: as the configuration says. */
  readonly confidence?: number;
  readonly maxError?: number;
  /** The campaign the verdict is about; absent: as the configuration says. */
  readonly campaign?: string;
  readonly attributes: boolean;
}

export const verificationQuery = defineQuery<VerificationDocument | null>('verification');
