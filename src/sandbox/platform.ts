import type { FastifyInstance } from 'fastify';
import type { CallStats } from './calls.js';

/** A contact to plant without going through the platform's own routes. */
export type PlantedContact = Readonly<Record<string, unknown>>;

/** What a test or a person may do to a sandboxed platform from outside its API. */
export interface PlatformControl {
  /** Replaces all faults; the seeded randomness and every `first n` count start again. Throws {@link FaultsError}. */
  setFaults(faults: unknown): void;
  /** Forgets contacts, suppressions, the call log and the faults. */
  reset(): void;
  /** Stores contacts as they are; throws on one the platform would refuse. */
  plant(contacts: readonly PlantedContact[]): void;
  /** Every contact held, in the order of creation, as the platform's read route shows it. */
  contacts(): IterableIterator<Record<string, unknown>>;
  /** Calls so far. `windowMs` defaults to the limit's window, else 60 s. */
  stats(windowMs?: number): CallStats;
}

/** A marketing platform under its own path prefix. A new one is one folder and one line in `platforms.ts`. */
export interface Platform {
  /** Also the path prefix: `/mailingcore`. */
  readonly name: string;
  readonly control: PlatformControl;
  /** What a configuration says beside `type` and `baseUrl` to use it. */
  readonly settings: Readonly<Record<string, string>>;
  /** What else can be done to it at `POST /_control/actions/NAME?platform=`; throws FaultsError for a body it cannot use. */
  readonly actions?: Readonly<Record<string, (body: unknown) => object>>;
  /** Adds the platform's routes; the prefix is already set. */
  register(app: FastifyInstance): void;
  /** Ends what goes on by itself (timers); the server's connections are not its business. */
  close?(): void;
}

/** A faults file or a control call that cannot be used; the message names every wrong key. */
export class FaultsError extends Error {
  override readonly name = 'FaultsError';
}
