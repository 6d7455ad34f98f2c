import { maskPersonal, parsed, retryAfter, withDeadline, wordsOfError, type HttpAnswer, type HttpClient } from '../../http/index.js';
import { SourceError } from '../contract.js';
import { isObject } from './json.js';
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
export async function ask(asking: Asking, path: string, signal: AbortSignal, orNothing = false): Promise<Answer | null> {
  const { client, pace, timing } = asking;
  for (let failed = 0, throttled = 0; ; ) {
    await pace.turn(signal);
    const answer = await attempt(asking, path, signal);
    if (typeof answer !== 'string') {
      pace.note(answer);
      if (answer.status === 404 && orNothing) return null;
      if (answer.status === 429) {
        throttled += 1;
        const wait = waitTold(answer, client.host, throttled, timing.now());
        pace.hold(wait);
        continue;
      }
      const verdict = verdictOf(answer, client.host);
      if (typeof verdict !== 'string') return verdict;
      failed = await again(asking, verdict, failed, signal);
    } else failed = await again(asking, answer, failed, signal);
  }
}

/** The answer, whatever its status, or why there is none. */
async function attempt({ client, timeout }: Asking, path: string, signal: AbortSignal): Promise<HttpAnswer | string> {
  try {
    return await withDeadline(signal, timeout, (bound) => client.request('GET', path, null, bound));
  } catch (error) {
    signal.throwIfAborted();
    return `MailingCore at ${client.host} was not read: ${wordsOfError(error)}`;
  }
}

/** Waits before another try. @returns the tries that have failed */
async function again({ timing }: Asking, words: string, failed: number, signal: AbortSignal): Promise<number> {
  if (failed + 1 >= ATTEMPTS) throw new SourceError('unreachable', `${words} (${ATTEMPTS} times)`);
  await timing.wait(Math.min(FIRST_WAIT * 2 ** failed, LAST_WAIT), signal);
  return failed + 1;
}

/** Milliseconds to wait after a 429. */
function waitTold(answer: HttpAnswer, host: string, throttled: number, now: number): number {
  const body = parsed(answer.body);
  // doc: a 429 is also "monthly e-mail quota exceeded", which no short wait ends.
  if (isObject(body) && body['quota'] !== undefined && body['quota'] !== null) {
    throw new SourceError('unreachable', `MailingCore at ${host}: ${wordsIn(answer) || 'quota exceeded'}`, "the account's quota is used up");
  }
  const wait = retryAfter(answer.headers, now) ?? Math.min(FIRST_WAIT * 2 ** (throttled - 1), LAST_WAIT);
  if (wait <= LONGEST_WAIT && throttled <= MOST_THROTTLED) return wait;
  const words = wait > LONGEST_WAIT ? `asks to wait ${Math.ceil(wait / 1000)} s` : `refused ${throttled} calls in a row for the rate limit`;
  throw new SourceError('unreachable', `MailingCore at ${host} ${words}`, 'lower limits of this source, or of what else calls this account');
}

/** A usable answer, or why another try may help. */
function verdictOf(answer: HttpAnswer, host: string): Answer | string {
  const { status } = answer;
  const at = `MailingCore at ${host}`;
  if (status >= 200 && status < 300) {
    const body = parsed(answer.body);
    const date = Date.parse(answer.headers['date'] ?? '');
    return body === undefined ? `${at} answered ${status} with what is no JSON` : { body, date: Number.isNaN(date) ? null : date };
  }
  if (status >= 500 || status === 408 || status === 425) return `${at} answered ${status}`;
  const said = `${at} answered ${status}: ${wordsIn(answer) || 'no words'}`;
  if (status === 401) throw new SourceError('misconfigured', said, 'check apiKey (mc_live_… or mc_test_…) and tenantId of the source');
  if (status === 403) throw new SourceError('misconfigured', said, 'grant the key the contacts:read scope, and check that tenantId is the tenant of the key');
  if ([400, 409, 410, 422].includes(status)) throw new Refused('misconfigured', said, 'MailingCore refuses to list contacts; check baseUrl and tenantId of the source');
  throw new SourceError('misconfigured', said, 'check baseUrl of the source: MailingCore itself answers at https://api.mailingcore.com');
}

/** doc: `{statusCode, message, …}`; seen: RFC 7807 (`title`, `detail`). Anything that is no JSON is not repeated. */
function wordsIn(answer: HttpAnswer): string {
  const body = parsed(answer.body);
  if (!isObject(body)) return '';
  const words = [body['message'], body['detail'], body['title'], body['error']].flat().filter((one) => typeof one === 'string');
  return maskPersonal(words[0] ?? '');
}
