import { maskValues, parsed } from '../../http/index.js';
import type { HttpAnswer, HttpClient } from '../../http/index.js';
import type { Outcome } from '../contract.js';
import { outcomeOfError, tokenFrom } from '../http/index.js';
import type { Token } from '../http/index.js';
import { HINTS, outcomeOfStatus } from './outcomes.js';
import { isObject, pick, wordsIn } from './words.js';

export interface Credentials {
  readonly userkey: string;
  readonly password: string;
}

/** Milliseconds: taken where an answer does not say how long its token lives, and the longest believed. */
const GUESSED_LIFE = 300_000;
const LONGEST_LIFE = 24 * 3_600_000;

/** One log-in (seen: `POST /rest/login {userkey, password}` → `{access_token, expires_in}`). Never rejects. */
export async function logIn(client: HttpClient, credentials: Credentials, now: () => number, signal: AbortSignal): Promise<Token | Outcome> {
  const sent = now();
  const { userkey, password } = credentials;
  try {
    const answer = await client.request('POST', '/rest/login', JSON.stringify({ userkey, password }), signal);
    return tokenOf(answer, sent) ?? failedLogin(answer, credentials, now());
  } catch (error) {
    const outcome = outcomeOfError(error, 'D·engage', client.host);
    // A log-in that was cut may simply be made again.
    return outcome.kind === 'unknown' ? { ...outcome, kind: 'unavailable' } : outcome;
  }
}

/** The token of an answer, null: there is none in it. unknown: whether it stands at the top (seen) or under `data`. `sent`: our clock when we asked. */
export function tokenOf(answer: HttpAnswer, sent: number): Token | null {
  const body = answer.status >= 200 && answer.status < 300 ? parsed(answer.body) : null;
  if (!isObject(body)) return null;
  const inner = pick(body, 'data');
  for (const place of [body, inner]) {
    if (!isObject(place)) continue;
    const value = pick(place, 'access_token', 'token');
    if (typeof value === 'string' && value !== '') return tokenFrom(value, sent, lifeOf(pick(place, 'expires_in')));
  }
  return null;
}

/** unknown: seconds (as everywhere) or milliseconds; a number that would be more than 115 days of seconds is the latter. */
function lifeOf(expiresIn: unknown): number {
  const told = typeof expiresIn === 'number' || typeof expiresIn === 'string' ? Number(expiresIn) : Number.NaN;
  if (!Number.isFinite(told) || told <= 0) return GUESSED_LIFE;
  return Math.min(told > 10_000_000 ? told : told * 1000, LONGEST_LIFE);
}

/** Why a log-in gave no token (pure). unknown: the status of wrong credentials; 401, a 400 and a 200 without a token are read as such. */
function failedLogin(answer: HttpAnswer, { userkey, password }: Credentials, now: number): Outcome {
  const { status } = answer;
  const body = parsed(answer.body);
  const said = maskValues(wordsIn(body, answer.body), [password, userkey]);
  const outcome = outcomeOfStatus(answer, now);
  if (outcome !== null && outcome.kind !== 'expired') return 'message' in outcome ? { ...outcome, message: maskValues(outcome.message, [password, userkey]) } : outcome;
  if (status === 403) return { kind: 'misconfigured', message: said || 'the log-in is not allowed', hint: HINTS.forbidden, httpStatus: status };
  if (status >= 200 && status < 300 && !isObject(body)) return { kind: 'misconfigured', message: `D·engage answered ${status} to the log-in without a token`, hint: HINTS.url, httpStatus: status };
  if (status < 500 && status !== 408) return { kind: 'unauthenticated', message: said || `HTTP ${status}`, hint: HINTS.credentials, httpStatus: status };
  return { kind: 'unavailable', message: `D·engage answered ${status} to the log-in`, httpStatus: status };
}
