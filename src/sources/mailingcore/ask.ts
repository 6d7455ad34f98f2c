import { maskPersonal, parsed, retryAfter, type HttpAnswer, type HttpClient } from '../../http/index.js';
import { isRecord, persist, type Patience, type Verdict } from '../api/index.js';
import { SourceError } from '../contract.js';
import { LONGEST_WAIT, type Pace, type Timing } from './pace.js';

/** Times a call is made before the reading fails; refusals for the rate are counted apart. */
const ATTEMPTS = 5;
const MOST_THROTTLED = 20;
/** Milliseconds: the first back-off, doubled each time up to the last. */
const FIRST_WAIT = 500;
const LAST_WAIT = 30_000;

/** An answer that can be used. */
export interface Answer {
  readonly body: unknown;
  /** The server's clock (its Date header), milliseconds since 1970; null where it is not told. */
  readonly date: number | null;
}

/** A call refused for what is in it (400, 409, 410, 422): a cursor that is known there no longer, perhaps. */
export class Refused extends SourceError {}

export interface Asking {
  readonly client: HttpClient;
  readonly pace: Pace;
  readonly timing: Timing;
  /** Milliseconds of one call, from start to last byte. */
  readonly timeout: number;
}

/**
 * One GET, paced, under its deadline; throttling is waited out, 5xx, cuts and what is no JSON are tried again.
 * @returns null where there is no such thing (404), if `orNothing` takes that for an answer
 * @throws SourceError `unreachable` when no try gave an answer, `misconfigured` where trying again helps nobody; the
 * signal's reason when it aborts
 */
export function ask({ client, pace, timing, timeout }: Asking, path: string, signal: AbortSignal, orNothing = false): Promise<Answer | null> {
  const at = `MailingCore at ${client.host}`;
  const patience: Patience = {
    timeout,
    tries: ATTEMPTS,
    pause: { first: FIRST_WAIT, most: LAST_WAIT },
    throttled: { waits: MOST_THROTTLED, longest: LONGEST_WAIT, first: FIRST_WAIT, most: LAST_WAIT },
    turn: (bounded) => pace.turn(bounded),
    wait: (ms, bounded) => timing.wait(ms, bounded),
    // Nobody else's call of this source leaves either.
    hold: (ms) => { pace.hold(ms); },
    unanswered: (words) => `${at} was not read: ${words}`,
    failed: (trouble) => new SourceError('unreachable', `${trouble} (${ATTEMPTS} times)`),
    refused: (_status, ms, times) => {
      const words = ms > LONGEST_WAIT ? `asks to wait ${Math.ceil(ms / 1000)} s` : `refused ${times} calls in a row for the rate limit`;
      return new SourceError('unreachable', `${at} ${words}`, 'lower limits of this source, or of what else calls this account');
    },
  };
  const judge = (answer: HttpAnswer): Verdict<Answer | null> => {
    pace.note(answer);
    if (answer.status === 404 && orNothing) return { answer: null };
    return answer.status === 429 ? { throttled: waitTold(answer, at, timing.now()) } : verdictOf(answer, at);
  };
  return persist(patience, () => Promise.resolve((bounded) => client.request('GET', path, null, bounded)), judge, signal);
}

/** Milliseconds to wait after a 429; null where that is not told. */
function waitTold(answer: HttpAnswer, at: string, now: number): number | null {
  const body = parsed(answer.body);
  // doc: a 429 is also "monthly e-mail quota exceeded", which no short wait ends.
  if (isRecord(body) && body['quota'] !== undefined && body['quota'] !== null) {
    throw new SourceError('unreachable', `${at}: ${wordsIn(answer) || 'quota exceeded'}`, "the account's quota is used up");
  }
  return retryAfter(answer.headers, now);
}

/** A usable answer, or why another try may help. */
function verdictOf(answer: HttpAnswer, at: string): Verdict<Answer> {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    const body = parsed(answer.body);
    const date = Date.parse(answer.headers['date'] ?? '');
    return body === undefined ? { trouble: `${at} answered ${status} with what is no JSON` } : { answer: { body, date: Number.isNaN(date) ? null : date } };
  }
  if (status >= 500 || status === 408 || status === 425) return { trouble: `${at} answered ${status}` };
  const said = `${at} answered ${status}: ${wordsIn(answer) || 'no words'}`;
  if (status === 401) throw new SourceError('misconfigured', said, 'check apiKey (mc_live_… or mc_test_…) and tenantId of the source');
  if (status === 403) throw new SourceError('misconfigured', said, 'grant the key the contacts:read scope, and check that tenantId is the tenant of the key');
  if ([400, 409, 410, 422].includes(status)) throw new Refused('misconfigured', said, 'MailingCore refuses to list contacts; check baseUrl and tenantId of the source');
  throw new SourceError('misconfigured', said, 'check baseUrl of the source: MailingCore itself answers at https://api.mailingcore.com');
}

/** doc: `{statusCode, message, …}`; seen: RFC 7807 (`title`, `detail`). Anything that is no JSON is not repeated. */
function wordsIn(answer: HttpAnswer): string {
  const body = parsed(answer.body);
  if (!isRecord(body)) return '';
  const words = [body['message'], body['detail'], body['title'], body['error']].flat().filter((one) => typeof one === 'string');
  return maskPersonal(words[0] ?? '');
}
