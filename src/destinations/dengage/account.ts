import { createClient, withDeadline } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import type { DengageConfig } from '../../config/index.js';
import type { Outcome, Paced } from '../contract.js';
import { createTokens, outcomeOfError } from '../http/index.js';
import type { Token } from '../http/index.js';
import { logIn } from './login.js';
import { HINTS, outcomeOfStatus } from './outcomes.js';

/** One account of D·engage: its address and its token. */
export interface Account {
  readonly host: string;
  authorise(paced: Paced, signal: AbortSignal): Promise<Outcome | null>;
  /** One call with the token at hand; an outcome where there is no answer, or the answer is about the token. Never throws. */
  call(method: 'GET' | 'POST', path: string, body: string | null, signal: AbortSignal): Promise<HttpAnswer | Outcome>;
  /** Runs a call under the configured deadline. */
  bounded<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  close(): void;
}

type AccountConfig = Pick<DengageConfig, 'baseUrl' | 'userkey' | 'password' | 'timeout'>;

/** Opens nothing yet. `now`: milliseconds since 1970. */
export function createAccount(config: AccountConfig, now: () => number): Account {
  const client = createClient({ baseUrl: config.baseUrl });
  const bounded: Account['bounded'] = (signal, call) => withDeadline(signal, config.timeout, call);
  const tokens = createTokens((signal) => bounded(signal, (bound) => logIn(client, config, now, bound)), now);

  /** A refused token may have ended: once more. When the next one is refused too, a person is needed. */
  const refused = (token: Token, outcome: Outcome & { kind: 'expired' }): Outcome => {
    if (tokens.refused(token)) return outcome;
    const { message, httpStatus } = outcome;
    return httpStatus === 403
      ? { kind: 'misconfigured', message, hint: HINTS.forbidden, httpStatus }
      : { kind: 'unauthenticated', message, hint: HINTS.credentials, httpStatus };
  };

  return {
    host: client.host,
    authorise: (paced, signal) => tokens.authorise(paced, signal),
    async call(method, path, body, signal) {
      if (signal.aborted) return { kind: 'unavailable', message: 'not sent: the call was given up before it began', httpStatus: null };
      const token = tokens.current();
      // One that ended while the call waited for its turn would only cost that turn.
      if (token === null || now() >= token.until) return { kind: 'expired', message: 'not logged in, or the token has ended', httpStatus: 401 };
      let answer: HttpAnswer;
      try {
        answer = await client.request(method, path, body, signal, { Authorization: `Bearer ${token.value}` });
      } catch (error) {
        return outcomeOfError(error, 'D·engage', client.host);
      }
      if (answer.status === 401 || answer.status === 403) {
        const outcome = outcomeOfStatus(answer, now());
        if (outcome?.kind === 'expired') return refused(token, outcome);
      } else if (answer.status < 500) tokens.accepted(token);
      return answer;
    },
    bounded,
    close: () => client.close(),
  };
}
