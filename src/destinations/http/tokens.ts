import type { Outcome, Paced } from '../contract.js';

export interface Token {
  readonly value: string;
  /** Milliseconds since 1970 by our clock: when it ends, and when it is renewed ahead of that. */
  readonly until: number;
  readonly renewAt: number;
}

/** The token of one account, renewed ahead of its end. */
export interface Tokens {
  /** The one at hand; null: log in first. */
  current(): Token | null;
  /** See `Destination.authorise`; simultaneous callers share one log-in. */
  authorise(paced: Paced, signal: AbortSignal): Promise<Outcome | null>;
  /** The platform took a call with it. */
  accepted(token: Token): void;
  /**
   * The platform refused it; it is dropped.
   * @returns whether a new one may help: false when the second in a row was refused before its end
   */
  refused(token: Token): boolean;
}

/** Milliseconds: renewed when less is left than this, or than a fifth of a shorter life. */
const AHEAD = 60_000;

/** A token that was asked for at `sent` and lives `life` milliseconds; measured from the asking, which is never too late. */
export function tokenFrom(value: string, sent: number, life: number): Token {
  return { value, until: sent + life, renewAt: sent + life - Math.min(AHEAD, life / 5) };
}

/**
 * Keeps a token.
 * @param logIn one log-in; never rejects for what the platform does
 * @param now milliseconds since 1970
 */
export function createTokens(logIn: (signal: AbortSignal) => Promise<Token | Outcome>, now: () => number): Tokens {
  let current: Token | null = null;
  let running: Promise<Shared> | null = null;
  /** Tokens refused before their end since a call was last taken. */
  let strikes = 0;
  let lastRefused: Token | null = null;

  const shared = async (paced: Paced, signal: AbortSignal): Promise<Shared> => {
    try {
      const read = await paced((turn) => logIn(AbortSignal.any([signal, turn])));
      if (!('kind' in read)) current = read;
      return 'kind' in read ? { outcome: read, givenUp: signal.aborted } : { outcome: null, givenUp: false };
    } catch (error) {
      if (!signal.aborted) throw error;
      return { outcome: GIVEN_UP, givenUp: true };
    }
  };

  return {
    current: () => current,
    async authorise(paced, signal) {
      for (;;) {
        if (current !== null && now() < current.renewAt) return null;
        if (signal.aborted) return GIVEN_UP;
        const mine = running === null;
        running ??= shared(paced, signal).finally(() => {
          running = null;
        });
        const { outcome, givenUp } = await running;
        // Another caller's log-in ended because that caller gave up, not the platform.
        if (givenUp && !mine && !signal.aborted) continue;
        // While the old one lives, a log-in that fails holds nobody up.
        return outcome !== null && current !== null && now() < current.until ? null : outcome;
      }
    },
    accepted(token) {
      if (token === lastRefused) return;
      strikes = 0;
      lastRefused = null;
    },
    refused(token) {
      if (current === token) current = null;
      // Calls that left together are refused together, and a token may end before its call arrives: neither says that
      // the credentials are wrong. Two fresh ones in a row do.
      if (token !== lastRefused && now() < token.until) strikes += 1;
      lastRefused = token;
      return strikes < 2;
    },
  };
}

interface Shared {
  readonly outcome: Outcome | null;
  readonly givenUp: boolean;
}

const GIVEN_UP: Outcome = { kind: 'unavailable', message: 'not logged in: the call was given up before', httpStatus: null };
