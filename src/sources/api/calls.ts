import { microTime } from '../../contacts/index.js';
import { createClient, maskPersonal, parsed, retryAfter, withDeadline, wordsOfError, type HttpAnswer } from '../../http/index.js';
import { SourceError } from '../contract.js';
import { createPace, wait, type Wait } from './wait.js';

/** A refusal that asking again cannot mend. */
export class RefusedError extends SourceError {
  constructor(readonly status: number, message: string, hint: string) {
    super('misconfigured', message, hint);
  }
}

/** A complete JSON answer. */
export interface ApiAnswer {
  readonly body: Readonly<Record<string, unknown>>;
  /** The server's clock when it answered (its Date header), ISO microseconds; null where it does not say. */
  readonly at: string | null;
}

/** What is particular to one platform. */
export interface ApiRules {
  /** For messages: `HubSpot`. */
  readonly platform: string;
  readonly baseUrl: string;
  /** Credentials among them; they are in no message. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds a call may take, from start to last byte. */
  readonly timeout: number;
  /** Milliseconds between the starts of two calls, at least. */
  readonly gap: number;
  /** In words, where a refusal means that a budget is used up for hours; null for any other. */
  spent(answer: HttpAnswer, body: Readonly<Record<string, unknown>>): string | null;
  /** The way out of a refusal, by its status; undefined: a general one. */
  hint(status: number): string | undefined;
}

export interface Api {
  /** Where it is, for messages: `HubSpot at api.hubapi.com`. */
  readonly place: string;
  /**
   * One call, tried again where that can help: connection errors, time-outs, 5xx and broken JSON up to five times, 429
   * as told by Retry-After. All calls made so are reads.
   * @throws SourceError `unreachable` when that did not help, RefusedError (`misconfigured`) for any other refusal
   */
  call(method: 'GET' | 'POST', path: string, body: object | null, signal: AbortSignal): Promise<ApiAnswer>;
  close(): void;
}

const TRIES = 5;
/** A 429 is no failure, but one after the other without an end is a budget nobody told us about. */
const THROTTLED = 12;
/** Milliseconds. A longer wait is the run's: it gives its place back and comes again. */
const LONGEST_WAIT = 60_000;
const FIRST_WAIT = 1000;
/** doc (HubSpot): 423 an object is locked for a moment, 477 the account is moving; 408 and 425 are asked for by name. */
const PASSING: ReadonlySet<number> = new Set([408, 423, 425, 477]);

/** Doubling from a second, to at most half a minute. Milliseconds. */
const backoff = (nth: number): number => Math.min(FIRST_WAIT * 2 ** nth, LONGEST_WAIT / 2);

/** Calls one platform for one source. */
export function createApi(rules: ApiRules, pause: Wait = wait): Api {
  const client = createClient({ baseUrl: rules.baseUrl, headers: rules.headers });
  const place = `${rules.platform} at ${client.host}`;
  const turn = createPace(rules.gap, pause);

  const attempt = async (method: 'GET' | 'POST', path: string, body: string | null, signal: AbortSignal): Promise<HttpAnswer | string> => {
    try {
      return await withDeadline(signal, rules.timeout, (bounded) => client.request(method, path, body, bounded));
    } catch (error) {
      signal.throwIfAborted();
      return wordsOfError(error);
    }
  };

  return {
    place,
    async call(method, path, body, signal) {
      const text = body === null ? null : JSON.stringify(body);
      let troubles = 0;
      let throttled = 0;
      for (;;) {
        await turn(signal);
        const answer = await attempt(method, path, text, signal);
        const result = typeof answer === 'string' ? { trouble: answer } : judge(answer, rules, place);
        if ('answer' in result) return result.answer;
        if ('throttled' in result) {
          throttled++;
          const ms = result.throttled ?? backoff(throttled - 1);
          if (ms > LONGEST_WAIT || throttled >= THROTTLED) {
            throw new SourceError('unreachable', `${place} refuses further calls for now (429)`, 'the run waits and goes on by itself; see what else uses this account\'s limit');
          }
          await pause(ms, signal);
        } else {
          troubles++;
          if (troubles >= TRIES) throw new SourceError('unreachable', `${place}: ${result.trouble}, ${TRIES} times`, 'the run waits and tries again by itself');
          await pause(backoff(troubles - 1), signal);
        }
      }
    },
    close: () => client.close(),
  };
}

type Judged = { readonly answer: ApiAnswer } | { readonly throttled: number | null } | { readonly trouble: string };

/** What follows from an answer. Refusals that asking again cannot mend are thrown. */
function judge(answer: HttpAnswer, rules: ApiRules, place: string): Judged {
  const { status, headers } = answer;
  const json = parsed(answer.body);
  const body = typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : null;
  if (status >= 200 && status < 300) {
    return body === null ? { trouble: `an answer that is no JSON object (status ${status})` } : { answer: { body, at: clockOf(headers['date']) } };
  }
  const spent = rules.spent(answer, body ?? {});
  if (spent !== null) throw new SourceError('unreachable', `${place}: ${spent}`, 'the run waits and goes on by itself once the platform allows calls again');
  if (status === 429) return { throttled: retryAfter(headers, Date.now()) };
  if (status >= 500 || PASSING.has(status)) return { trouble: `status ${status}` };
  const words = saidBy(body);
  throw new RefusedError(status, `${place} refuses the call: status ${status}${words === '' ? '' : `, ${words}`}`, rules.hint(status) ?? 'check baseUrl and fields of the source');
}

function clockOf(date: string | undefined): string | null {
  const ms = Date.parse(date ?? '');
  return Number.isNaN(ms) ? null : microTime(ms);
}

/** The platform's own words: `message` (HubSpot) or `error` (Pipedrive), without what looks personal. */
function saidBy(body: Readonly<Record<string, unknown>> | null): string {
  const words = body?.['message'] ?? body?.['error'];
  return typeof words === 'string' ? maskPersonal(words) : '';
}
