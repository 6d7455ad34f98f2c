import { parsed } from '../../http/index.js';
import type { HttpAnswer, HttpClient } from '../../http/index.js';
import type { Outcome, Paced } from '../contract.js';
import { outcomeOfError } from '../http/index.js';
import { outcomeOfAnswer } from './outcomes.js';

/** Times one page is asked for before the reading fails. */
const ATTEMPTS = 6;
/** Milliseconds: the first back-off, doubled each time, and the longest wait a reading sits out. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 90_000;

export interface ReadingParts {
  readonly client: HttpClient;
  readonly now: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Runs a call under the configured deadline and the signal. */
  readonly bounded: <T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/** One page of a list as it came. */
export interface Page {
  readonly entries: readonly unknown[];
  readonly next: string | null;
  readonly totalPages: number | null;
}

/**
 * One page, paced; what may pass by itself is waited out.
 * @param what is listed, for messages and as the name its list may have in the body
 */
export async function askPatiently(parts: ReadingParts, what: string, path: string, paced: Paced, signal: AbortSignal): Promise<Page | Outcome> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const outcome = await paced(async (turn) => parts.bounded(AbortSignal.any([signal, turn]), (bound) => askPage(parts, what, path, bound)));
    if ('entries' in outcome) return outcome;
    signal.throwIfAborted();
    const wait = waitAfter(outcome, attempt);
    if (wait === null || attempt >= ATTEMPTS) return outcome;
    await parts.wait(wait, signal);
  }
}

async function askPage(parts: ReadingParts, what: string, path: string, signal: AbortSignal): Promise<Page | Outcome> {
  let answer: HttpAnswer;
  try {
    answer = await parts.client.request('GET', path, null, signal);
  } catch (error) {
    return outcomeOfError(error, 'MailingCore', parts.client.host);
  }
  if (answer.status === 200) {
    const page = pageOf(parsed(answer.body), what);
    return page ?? { kind: 'unknown', message: `MailingCore answered 200 without a list of ${what}`, httpStatus: 200 };
  }
  return outcomeOfAnswer(answer, [], parts.now());
}

/** seen: `{data, meta: {page, limit, total, totalPages}}`; a bare list is read too. */
function pageOf(body: unknown, what: string): Page | null {
  if (Array.isArray(body)) return { entries: body, next: null, totalPages: null };
  if (!isObject(body)) return null;
  const list = body['data'] ?? body[what] ?? body['items'];
  if (!Array.isArray(list)) return null;
  const meta = isObject(body['meta']) ? body['meta'] : {};
  const next = [meta['nextCursor'], meta['cursor'], body['nextCursor'], body['cursor']].find((one) => typeof one === 'string' && one !== '');
  const { totalPages } = meta;
  return {
    entries: list,
    next: typeof next === 'string' ? next : null,
    totalPages: typeof totalPages === 'number' && Number.isFinite(totalPages) ? totalPages : null,
  };
}

/** Milliseconds to wait before another try; null: trying again helps nobody. */
function waitAfter(outcome: Outcome, attempt: number): number | null {
  const backOff = FIRST_WAIT * 2 ** (attempt - 1);
  if (outcome.kind === 'throttled') return (outcome.retryAfterMs ?? backOff) > LONGEST_WAIT ? null : (outcome.retryAfterMs ?? backOff);
  // 501: it will not be there on the next try either.
  return outcome.kind === 'unavailable' || (outcome.kind === 'unknown' && outcome.httpStatus !== 501) ? backOff : null;
}

/** A text that is not empty. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** True for what JSON calls an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
