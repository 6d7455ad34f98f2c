import type { DeliveryWindow, Limits } from '../config/index.js';
import type { Destination } from '../destinations/index.js';
import type { LaneState, Pool } from '../ledger/index.js';
import type { Observer } from '../telemetry/index.js';

/** A destination as the lane drives it. */
export interface Driven {
  readonly destination: Destination;
  readonly batchSize: number;
  readonly linger: number;
  readonly timeout: number;
  readonly settleDelay: number;
  readonly limits: Limits;
  /** When bulk calls may leave; absent: at any time. */
  readonly window?: DeliveryWindow;
  /** Milliseconds to wait for the result of an accepted batch. @default 1800000 */
  readonly resultsWithin?: number;
}

export interface DriveOptions {
  readonly pool: Pool;
  readonly account: string;
  /** Who drives, for the lease. */
  readonly owner: string;
  /** Destinations of the account by name; undefined: not in this worker's configuration. */
  readonly driven: (destination: string) => Driven | undefined;
  /** Milliseconds to hold the contacts of calls a dead driver left behind. */
  readonly settleDelay: number;
  /** Calls of the account go one at a time. */
  readonly alone?: boolean;
  /** Milliseconds to go on for. */
  readonly windowMs: number;
  /** Waits longer than this are left to the workflow's durable timer. Milliseconds. */
  readonly longWaitMs: number;
  readonly signal: AbortSignal;
  readonly random?: () => number;
  readonly onCall?: (calls: number) => void;
  /** The lease was taken; its fence. */
  readonly onLease?: (fence: number) => void;
  readonly observer?: Observer | undefined;
}

export interface DriveResult {
  /** `more`: call again at once; `wait`: in `waitMs`; `idle`: nothing is left to do. */
  readonly next: 'more' | 'wait' | 'idle';
  readonly waitMs: number;
  readonly state: LaneState;
  readonly reason: string | null;
  /** Workflows of open runs that had rows in the calls made. */
  readonly runs: readonly string[];
  readonly calls: number;
}
