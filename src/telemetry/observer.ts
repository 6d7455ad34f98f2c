import type { Counts, RunKind, RunStatus, VerificationDocument } from '../ledger/index.js';

/** Where a run belongs. Ids and names only: nothing of a person passes through here. */
export interface SeenRun {
  readonly run: string;
  readonly sync: string;
  readonly kind: RunKind;
  readonly workflowId: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** A run that has ended, or was left delivering. */
export interface SeenEnd extends SeenRun {
  readonly status: RunStatus;
  readonly counts: Counts;
  /** ISO 8601; null: it is left delivering. */
  readonly endedAt: string | null;
}

/** The Temporal execution something was done for. */
export interface SeenActivity {
  readonly workflowId: string;
  readonly workflowRunId: string;
  readonly activityId: string;
  readonly activityType: string;
  readonly attempt: number;
}

/** Something that took its time. */
interface Lasting {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Milliseconds. */
  readonly tookMs: number;
}

/** One call to a platform that has come to its end, whatever that was. */
export interface SeenCall extends Lasting {
  readonly account: string;
  readonly destination: string;
  /** A bulk call, or a question for the result of one. */
  readonly kind: 'send' | 'poll';
  readonly batch: number;
  readonly rows: number;
  /** As the connector reports it: answered, accepted, refused, throttled, unavailable, unknown …; of a question also pending. */
  readonly outcome: string;
  readonly httpStatus: number | null;
  /** Runs with rows in it. */
  readonly runs: readonly string[];
}

/** One call to a platform that carries no rows. */
export interface SeenQuestion extends Lasting {
  readonly account: string;
  readonly destination: string;
  /** Something was answered, whatever it was. */
  readonly answered: boolean;
}

/** One activity's reading of a source. */
export interface SeenReading extends Lasting {
  readonly run: string;
  readonly sync: string;
  readonly activity: SeenActivity;
  readonly pages: readonly { readonly at: number; readonly extracted: number; readonly queued: number }[];
  /** The kind of what ended it; null: it went well. */
  readonly error: string | null;
}

export interface SeenVerification extends Lasting {
  readonly sync: string;
  /** Null: somebody asked for it. */
  readonly run: string | null;
  readonly activity: SeenActivity;
  /** Null: it could not be carried out. */
  readonly document: VerificationDocument | null;
  readonly error: string | null;
}

/**
 * Is told what a worker does: by its activities and lanes, which know nothing of metrics, logs and traces.
 * Nothing it does may fail or hold up the work: implementations neither throw nor wait.
 */
export interface Observer {
  /** A run was opened, or taken up by this worker. */
  runOpened(run: SeenRun): void;
  runEnded(end: SeenEnd): void;
  called(call: SeenCall): void;
  /** A call beside the queue: a log-in, a look-up, a reading back. */
  asked(question: SeenQuestion): void;
  /** A call waited so long for its place in the account's pace, in this process. Seconds. */
  paced(account: string, seconds: number): void;
  /** Calls whose end no worker saw: the one that made them died. */
  abandoned(account: string, calls: number): void;
  read(reading: SeenReading): void;
  verified(verification: SeenVerification): void;
  /** A run waits for a service it cannot reach: which step says so. */
  troubled(trouble: { readonly run: string; readonly sync: string; readonly step: string; readonly reason: string }): void;
}

/** Tells several observers the same. One that fails fails alone: what it is told of has been done. */
export function together(observers: readonly Partial<Observer>[]): Observer {
  const each = <K extends keyof Observer>(name: K) => (...told: Parameters<Observer[K]>): void => {
    for (const observer of observers) {
      try {
        (observer[name] as ((...args: Parameters<Observer[K]>) => void) | undefined)?.(...told);
      } catch {
        // Nobody's row may wait, or count as unknown, because a number was not noted.
      }
    }
  };
  return {
    runOpened: each('runOpened'), runEnded: each('runEnded'), called: each('called'), asked: each('asked'), paced: each('paced'), abandoned: each('abandoned'),
    read: each('read'), verified: each('verified'), troubled: each('troubled'),
  };
}
