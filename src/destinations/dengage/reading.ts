import { maskPersonal, parsed } from '../../http/index.js';
import type { Outcome, Paced } from '../contract.js';
import { DestinationError } from '../contract.js';
import type { Account } from './account.js';
import { HINTS, outcomeOfStatus } from './outcomes.js';
import { isObject, pick, wordsIn } from './words.js';

/** Times one thing is asked for before the reading fails. */
const ATTEMPTS = 6;
/** Milliseconds: the first back-off, doubled each time, and the longest wait a reading sits out. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 90_000;
/** Tables a page; most pages looked at. */
const PAGE = 100;
const MOST_PAGES = 200;

export interface ReadingParts {
  readonly account: Account;
  readonly now: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

type Answered = { readonly body: Record<string, unknown> } | { readonly gone: true };

/** doc: `GET /rest/contacts/{contact_key}` → `data.contacts[0]`. unknown: what an unknown key gets; an empty list and a 404 are both null. Throws {@link DestinationError}. */
export async function readContact(parts: ReadingParts, key: string, paced: Paced, signal: AbortSignal): Promise<Record<string, unknown> | null> {
  const answer = await read(parts, `/rest/contacts/${encodeURIComponent(key)}`, paced, signal);
  if ('gone' in answer) return null;
  const data = dataOf(answer.body);
  const contacts = pick(data, 'contacts');
  if (!Array.isArray(contacts)) return null;
  const [first] = contacts as unknown[];
  return isObject(first) ? first : null;
}

/**
 * doc: `GET /rest/dataspace/tables?limit&offset` → `data.result[]{tableName, publicId}`, then
 * `GET /rest/dataspace/tables/{publicId}` → `data.totalRowCount`. Null where master_contact or its count is not told.
 * Throws {@link DestinationError}.
 */
export async function readCount(parts: ReadingParts, paced: Paced, signal: AbortSignal): Promise<number | null> {
  const id = await masterId(parts, paced, signal);
  if (id === null) return null;
  const answer = await read(parts, `/rest/dataspace/tables/${encodeURIComponent(id)}`, paced, signal);
  if ('gone' in answer) return null;
  const told = pick(dataOf(answer.body), 'totalRowCount');
  const total = typeof told === 'number' || typeof told === 'string' ? Number(told) : Number.NaN;
  return Number.isInteger(total) && total >= 0 ? total : null;
}

async function masterId(parts: ReadingParts, paced: Paced, signal: AbortSignal): Promise<string | null> {
  const seen = new Set<string>();
  // unknown: whether `limit` is obeyed, so the next page begins where this one ended, and one that brings nothing new is the last.
  for (let page = 0, offset = 0; page < MOST_PAGES; page++) {
    const answer = await read(parts, `/rest/dataspace/tables?limit=${PAGE}&offset=${offset}`, paced, signal);
    const list = 'gone' in answer ? undefined : pick(dataOf(answer.body), 'result', 'tables');
    const tables = Array.isArray(list) ? list.filter(isObject) : [];
    const before = seen.size;
    for (const table of tables) {
      const id = pick(table, 'publicId');
      if (typeof id !== 'string') continue;
      if (pick(table, 'tableName') === 'master_contact') return id;
      seen.add(id);
    }
    if (seen.size === before) return null;
    offset += tables.length;
  }
  return null;
}

/** One harmless read for `check`: null where it is allowed. */
export async function tryRead({ account, now }: Omit<ReadingParts, 'wait'>, signal: AbortSignal): Promise<Outcome | null> {
  const answer = await ask(account, now, '/rest/dataspace/tables?limit=1&offset=0', signal);
  return 'kind' in answer ? answer : null;
}

async function read({ account, now, wait }: ReadingParts, path: string, paced: Paced, signal: AbortSignal): Promise<Answered> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const answer = (await account.authorise(paced, signal)) ?? (await paced((turn) => ask(account, now, path, AbortSignal.any([signal, turn]))));
    if (!('kind' in answer)) return answer;
    signal.throwIfAborted();
    const pause = waitAfter(answer, attempt);
    if (pause === null || attempt >= ATTEMPTS) throw errorOf(answer);
    if (pause > 0) await wait(pause, signal);
  }
}

async function ask(account: Account, now: () => number, path: string, signal: AbortSignal): Promise<Answered | Outcome> {
  const answer = await account.bounded(signal, (bound) => account.call('GET', path, null, bound));
  if ('kind' in answer) return answer;
  const body = parsed(answer.body);
  const said = maskPersonal(wordsIn(body, answer.body));
  if (answer.status === 200) {
    if (!isObject(body)) return { kind: 'misconfigured', message: 'D·engage answered 200 without JSON', hint: HINTS.url, httpStatus: 200 };
    const code = pick(body, 'code');
    if (code === undefined || ['0', '200'].includes(String(code))) return { body };
    return /not (?:be )?found|not exist/i.test(said) ? { gone: true } : { kind: 'refused', message: said || `code ${String(code)}`, httpStatus: 200 };
  }
  // A 404 in their own form is about the thing that is asked for; any other is a wrong address.
  if (answer.status === 404 && isObject(body) && said !== '' && !said.startsWith('Cannot ')) return { gone: true };
  return outcomeOfStatus(answer, now()) ?? { kind: answer.status < 500 ? 'refused' : 'unknown', message: said || `D·engage answered ${answer.status}`, httpStatus: answer.status };
}

function dataOf(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const data = pick(body, 'data');
  return isObject(data) ? data : body;
}

/** Milliseconds to wait before another try, 0: at once, with a new token; null: trying again helps nobody. */
function waitAfter(outcome: Outcome, attempt: number): number | null {
  const backOff = FIRST_WAIT * 2 ** (attempt - 1);
  if (outcome.kind === 'expired') return 0;
  if (outcome.kind === 'throttled') return (outcome.retryAfterMs ?? backOff) > LONGEST_WAIT ? null : (outcome.retryAfterMs ?? backOff);
  return outcome.kind === 'unavailable' || outcome.kind === 'unknown' ? backOff : null;
}

function errorOf(outcome: Outcome): DestinationError {
  switch (outcome.kind) {
    case 'unauthenticated':
    case 'misconfigured':
      return new DestinationError(outcome.kind, outcome.message, outcome.hint);
    case 'refused':
      return new DestinationError('misconfigured', outcome.message, HINTS.url);
    case 'throttled':
      return new DestinationError('throttled', outcome.message, 'lower limits.read of this account, or try again later');
    default:
      return new DestinationError('unreachable', 'message' in outcome ? outcome.message : 'D·engage gave no usable answer');
  }
}
