import { setTimeout as delay } from 'node:timers/promises';
import type { HttpSourceConfig } from '../../config/index.js';
import { createClient, maskPersonal, maskValues, retryAfter, type HttpAnswer, type HttpClient } from '../../http/index.js';
import { isRecord, persist, type Patience, type Verdict } from '../api/index.js';
import { SourceError } from '../contract.js';
import { parseJson } from './json.js';
import type { Request } from './request.js';
import { createToken } from './token.js';

/** A complete answer that is JSON. */
export interface Answer {
  readonly body: unknown;
  readonly headers: HttpAnswer['headers'];
  /** Milliseconds since 1970 by the server's clock (its Date header, whole seconds), ours where it has none. */
  readonly at: number;
}

/** An answer 4xx: the API understood and refuses. */
export class Refused extends SourceError {
  constructor(readonly status: number, message: string, hint: string) {
    super('misconfigured', message, hint);
  }
}

export interface CallOptions {
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** Waits so many milliseconds. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

export interface Caller {
  /**
   * One answered request; what passes is tried again.
   * @throws Refused for 4xx, SourceError unreachable when {@link TRIES} failed or a wait is too long to sit out
   */
  call(request: Request, signal: AbortSignal): Promise<Answer>;
  close(): void;
}

const TRIES = 5;
/** Milliseconds before the second try; doubled each time. */
const PAUSE = 500;
/** A longer wait than this is the run's: it tries again later, and says why until then. Milliseconds. */
const LONGEST_WAIT = 120_000;
const MOST_WAITS = 30;

/** Calls the API a configuration describes, and its token server. */
export function createCaller(config: HttpSourceConfig, options: CallOptions): Caller {
  const now = options.now ?? Date.now;
  const wait = options.wait ?? ((ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }));
  const clients = new Map<string, HttpClient>();
  const clientOf = (origin: string): HttpClient => {
    const client = clients.get(origin) ?? createClient({ baseUrl: origin });
    clients.set(origin, client);
    return client;
  };
  const secrets = [...Object.values(config.headers).flatMap((value) => [value, ...value.split(' ')]), ...(config.auth === undefined ? [] : [config.auth.clientId, config.auth.clientSecret])];

  /** Sends until an answer can be used or refuses for good; `headers` is asked before every try. */
  const send = (request: Request, signal: AbortSignal, headers: () => Promise<Record<string, string>>, renew?: () => boolean): Promise<Answer> => {
    const where = `source ${config.name}: ${request.url.host}${request.url.pathname === '/' ? '' : maskPersonal(request.url.pathname)}`;
    const patience: Patience = {
      timeout: config.timeout,
      tries: TRIES,
      pause: { first: PAUSE, most: LONGEST_WAIT },
      throttled: { waits: MOST_WAITS, longest: LONGEST_WAIT, first: 1000, most: 60_000, least: 100 },
      wait,
      unanswered: (words) => `gave no complete answer: ${words}`,
      failed: (trouble) => new SourceError('unreachable', `${where} ${trouble}, ${TRIES} times in a row`, 'check url and that the server runs'),
      refused: (status, ms) => new SourceError('unreachable', `${where} asks to wait ${Math.ceil(ms / 1000)} s (status ${status})`, 'the limit or budget of the API is used up; the run goes on when it lets us'),
    };
    const prepare = async (): Promise<(bounded: AbortSignal) => Promise<HttpAnswer>> => {
      const own = await headers();
      return (bounded) => clientOf(request.url.origin).request(request.method, request.url.pathname + request.url.search, request.body, bounded, own);
    };
    const judge = (answer: HttpAnswer): Verdict<Answer> => {
      const { status } = answer;
      if (status >= 200 && status < 300) {
        const body = status === 204 ? null : parseJson(answer.body);
        if (body !== undefined) return { answer: { body, headers: answer.headers, at: Date.parse(answer.headers['date'] ?? '') || now() } };
        return { trouble: `answers with what is no JSON (${answer.body.length} characters, status ${status})` };
      }
      const told = retryAfter(answer.headers, now());
      if (status === 429 || (status === 503 && answer.headers['retry-after'] !== undefined)) return { throttled: told };
      if (status >= 500 || status === 408 || status === 425) return { trouble: `answers with status ${status}`, pause: told };
      if (status === 401 && renew?.() === true) return { renewed: true };
      throw refusal(where, answer, secrets);
    };
    return persist(patience, prepare, judge, signal);
  };

  const token = config.auth === undefined ? null : createToken(config.auth, config.name, now, (request, signal, headers) => send(request, signal, () => Promise.resolve(headers)));
  return {
    call(request, signal) {
      let renewed = false;
      const headers = async (): Promise<Record<string, string>> => ({ ...config.headers, ...(token !== null && { Authorization: `Bearer ${await token.current(signal)}` }) });
      const renew = (): boolean => {
        if (token === null || renewed) return false;
        renewed = true;
        token.drop();
        return true;
      };
      return send(request, signal, headers, renew);
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

function refusal(where: string, answer: HttpAnswer, secrets: readonly string[]): Refused {
  const { status } = answer;
  const said = wordsOf(parseJson(answer.body));
  const words = said === null ? '' : `: ${maskValues(said, secrets)}`;
  return new Refused(status, `${where} answers with status ${status}${words}`, hintOf(status));
}

/** What an API says went wrong, from the places where it is usually said; nothing else of a body is repeated. */
function wordsOf(body: unknown): string | null {
  if (!isRecord(body)) return null;
  for (const name of ['message', 'error_description', 'detail', 'title', 'error']) {
    const value = body[name];
    if (typeof value === 'string' && value !== '') return value;
    if (isRecord(value)) return wordsOf(value);
  }
  return null;
}

function hintOf(status: number): string {
  if (status === 401) return 'check the credentials in headers or auth';
  if (status === 403) return 'the credentials are known but may not read this: grant them the right to';
  if (status === 404) return 'check url';
  if (status >= 300 && status < 400) return 'it leads elsewhere: put the address it leads to in url';
  return 'check url, method, params and body against the documentation of the API';
}
