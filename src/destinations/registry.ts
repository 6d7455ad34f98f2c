import type { DestinationConfig, Limits } from '../config/index.js';
import type { Destination } from './contract.js';

/** What a platform is like before anything is configured. */
export interface DestinationFacts {
  /** The platform's documented limit. */
  readonly limits: Limits;
  /** Contacts a call unless configured. */
  readonly batchSize: number;
  /** The most a call may hold. */
  readonly maxBatchSize: number;
  readonly defaultBaseUrl: string;
  /** What stays there of an erased contact, in words; absent: nothing does. */
  readonly afterErasure?: string;
}

/** Things a test replaces. */
export interface DestinationOptions {
  /** Milliseconds since 1970, for reading X-RateLimit-Reset. @default Date.now */
  readonly now?: () => number;
  /** Waits before a read is tried again; rejects when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** One line of the registry. */
export interface DestinationKind<Config extends DestinationConfig> {
  readonly facts: DestinationFacts;
  create(config: Config, options: DestinationOptions): Destination;
}
