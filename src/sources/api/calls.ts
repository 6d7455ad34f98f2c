import { createClient, type HttpAnswer } from '../../http/index.js';
import { SourceError } from '../contract.js';
import { judge, type ApiAnswer, type ApiRules } from './answers.js';
import { persist, type Patience, type Verdict } from './persist.js';
import { createPace, wait, type Wait } from './wait.js';

export interface Api {
  /** Where it is, for messages: `HubSpot at api.hubapi.com`. */
  readonly place: string;
  /**
   * One call, tried again where that can help: connection errors, time-outs, 5xx and broken JSON up to five times, 429
   * as told by Retry-After. All calls made so are reads, or ask for a token. Parameters go as a form, another body as JSON.
   * @throws SourceError `unreachable` when that did not help, RefusedError (`misconfigured`) for any other refusal
   */
  call(method: 'GET' | 'POST', path: string, body: object | URLSearchParams | null, signal: AbortSignal): Promise<ApiAnswer>;
  close(): void;
}

const TRIES = 5;
/** A 429 is no failure, but one after the other without an end is a budget nobody told us about. */
const WAITS = 11;
/** Milliseconds. */
const LONGEST_WAIT = 60_000;
const FIRST_WAIT = 1000;
const MOST_WAIT = 30_000;

/** Calls one platform for one source. */
export function createApi(rules: ApiRules, pause: Wait = wait): Api {
  const client = createClient({ baseUrl: rules.baseUrl, headers: rules.headers });
  const place = `${rules.platform} at ${client.host}`;

  const patience: Patience = {
    timeout: rules.timeout,
    tries: TRIES,
    pause: { first: FIRST_WAIT, most: MOST_WAIT },
    throttled: { waits: WAITS, longest: LONGEST_WAIT, first: FIRST_WAIT, most: MOST_WAIT },
    turn: createPace(rules.gap, pause),
    wait: pause,
    unanswered: (words) => words,
    failed: (trouble) => new SourceError('unreachable', `${place}: ${trouble}, ${TRIES} times`, 'the run waits and tries again by itself'),
    refused: () => new SourceError('unreachable', `${place} refuses further calls for now (429)`, 'the run waits and goes on by itself; see what else uses this account\'s limit'),
  };

  return {
    place,
    call(method, path, body, signal) {
      const form = body instanceof URLSearchParams;
      const text = body === null ? null : form ? body.toString() : JSON.stringify(body);
      let renewed = false;
      const prepare = async (): Promise<(bounded: AbortSignal) => Promise<HttpAnswer>> => {
        const own = { ...(await rules.credentials?.headers(signal)), ...(form && { 'Content-Type': 'application/x-www-form-urlencoded' }) };
        return (bounded) => client.request(method, path, text, bounded, own);
      };
      const verdictOf = (answer: HttpAnswer): Verdict<ApiAnswer> => {
        if (renewed || rules.credentials?.ended(answer, path) !== true) return judge(answer, rules, place);
        renewed = true;
        return { renewed };
      };
      return persist(patience, prepare, verdictOf, signal);
    },
    close: () => client.close(),
  };
}
