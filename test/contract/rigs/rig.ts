import type { DestinationConfig } from '../../../src/config/index.js';
import type { Contact } from '../../../src/contacts/index.js';
import type { Outcome } from '../../../src/destinations/index.js';

/** What can be done to a platform in its sandbox. */
export const FAULTS = ['oneBadRow', 'refusedWhole', 'unauthenticated', 'forbidden', 'throttled', 'quota', 'serverError', 'cutAfterCommit', 'cutBeforeCommit', 'drip', 'hang', 'readTrouble'] as const;
export type FaultName = (typeof FAULTS)[number];

/** The key and index of the row that `oneBadRow` refuses. */
export const BAD = 7;

/** Settings of a fault, and what comes of it where the platform's habits differ from the usual. */
export interface RigFault {
  readonly settings: object;
  readonly expected?: { readonly kind: Outcome['kind']; readonly httpStatus: number | null };
}

/** At once where a sandbox of this process is asked, later where a server is. */
type Awaitable<T> = T | Promise<T>;

/** What the contract suite needs to know of a platform; a registered destination without a rig fails the suite. */
export interface Rig {
  readonly config: DestinationConfig;
  /** The faults this platform can have; the cases of the others are skipped. */
  readonly faults: Readonly<Partial<Record<FaultName, RigFault>>>;
  /** Turns on one misbehaviour of the sandbox, and only that. */
  fault(settings: object): Awaitable<void>;
  /** Stored contacts by key, as the platform shows them. */
  held(key: string): Awaitable<Record<string, unknown> | undefined>;
  size(): Awaitable<number>;
  /** The contact as the platform ought to show it. */
  expected(contact: Contact): Record<string, unknown>;
  /** Whether nothing of the contact is left that the platform lets go of. */
  erased(key: string): Awaitable<boolean>;
  /** As if the person had opted out at the platform. Only where `capabilities.consent` is `whenChanged`. */
  optOut?(key: string): void;
  /** Whether the platform would write to the contact. Only where `capabilities.consent` is `whenChanged`. */
  optedIn?(key: string): boolean;
  /** What the secret parts of the configuration are: no message may hold them. */
  readonly secrets: readonly string[];
  reset(): Awaitable<void>;
  close(): Promise<void>;
}
