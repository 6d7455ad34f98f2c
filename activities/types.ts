import type { DriveResult } from '../src/lanes/index.js';
import type { BatchDocument, Counts, RecentCall, RunKind, RunStatus, Seen, VerificationDocument } from '../src/ledger/index.js';

export interface OpenedRun {
  readonly run: string;
  readonly kind: RunKind;
  readonly destination: string;
  /** Another run of this sync already extracts; this execution has nothing to do. */
  readonly attached: boolean;
  /** A verification follows by itself. */
  readonly verify: boolean;
  /** Its configuration changed since the last run, and what that touches is to be counted. Absent in older histories. */
  readonly remapped?: boolean;
  /** The destination is asked who opted out there. Absent in older histories. */
  readonly optOuts?: boolean;
}

export interface ExtractReport {
  readonly done: boolean;
  /** Reading was stopped by somebody: the run ends as cancelled once its rows are settled. */
  readonly cancelled: boolean;
}

/** How one slice of a backfill went. */
export interface SliceReport extends ExtractReport {
  /** Why nothing was read: it is paused, or enough rows wait for the destination. */
  readonly hold: 'paused' | 'full' | null;
  /** Milliseconds after which there may be room again. */
  readonly holdMs: number;
  /** Rows the source holds, roughly; null: it cannot tell. */
  readonly estimate: number | null;
  /** Until the last of them may have left, at the account's limit. */
  readonly secondsLeft: number | null;
}

export interface SettlementReport {
  /** No row of the run waits or is under way. */
  readonly done: boolean;
  readonly status: RunStatus;
  readonly counts: Counts;
  readonly cursor: { readonly from: string | null; readonly to: string | null };
  readonly batches: readonly Omit<BatchDocument, 'message'>[];
}

/** Who opted out at the destination, in numbers: see `src/control/opt-outs.ts`. */
export interface OptOutsSeen {
  readonly asked: boolean;
  readonly told: number;
  readonly learned: number;
  readonly queued: number;
}

/** How one delivery ended. */
export interface DeliverReport extends DriveResult {
  /** How far the ledger had come: whoever finds it less far later has an older one before them. Absent in older histories. */
  readonly seen?: Seen;
  /** The account's destinations, by name. Absent in older histories. */
  readonly destinations?: readonly string[];
  /** Its last calls. Absent in older histories. */
  readonly recent?: readonly RecentCall[];
}

/** What a verification by sample tells with its heartbeats: contacts read, and to be read. */
export interface VerifyBeat {
  readonly done: number;
  readonly total: number;
}

/** What workflows call: ids in, counts and reasons out. */
export interface Activities {
  openRun(input: { sync: string; run: string | null; workflowId: string }): Promise<OpenedRun>;
  /** Asks the run's destination who opted out there, where it is time for that: before the run reads anything. */
  readOptOuts(input: { run: string }): Promise<OptOutsSeen>;
  extractRun(input: { run: string }): Promise<ExtractReport>;
  /** Reads the next slice of a backfill, where it may. */
  extractSlice(input: { run: string }): Promise<SliceReport>;
  /** Queues the rejected rows a retry has chosen. */
  queueRejected(input: { run: string }): Promise<{ readonly queued: number }>;
  /** Stores that a backfill is to read on, or not. */
  pauseReading(input: { run: string; paused: boolean }): Promise<void>;
  /** Looks at a run's books; closes the run when `close` says how and nothing is left. */
  settlement(input: { run: string; close: boolean }): Promise<SettlementReport>;
  closeRun(input: { run: string; status: RunStatus; error: string | null }): Promise<SettlementReport>;
  stopReading(input: { run: string }): Promise<void>;
  verifyRun(input: { run: string }): Promise<VerificationDocument>;
  verifySync(input: { sync: string; id: string; against: 'source' | 'ledger'; confidence?: number; maxError?: number; campaign?: string }): Promise<VerificationDocument>;
  /** Counts what a changed configuration touches, and stores it with the run. */
  countMapping(input: { run: string }): Promise<{ readonly contacts: number | null }>;
  /** @param input.seen the furthest the ledger has been known to be */
  deliver(input: { account: string; seen?: Seen }): Promise<DeliverReport>;
}
