import { parsed } from '../../http/index.js';
import type { HttpAnswer, HttpClient } from '../../http/index.js';
import type { FoundContact, Json, Outcome, Paced } from '../contract.js';
import { DestinationError } from '../contract.js';
import { Seen } from '../seen.js';
import { outcomeOfError } from '../http/index.js';
import { PAGE } from './config.js';
import { foundFields } from './mapping.js';
import { outcomeOfAnswer } from './outcomes.js';

/** Times one page is asked for before the reading fails. */
const ATTEMPTS = 6;
/** Milliseconds: the first back-off, doubled each time, and the longest wait a reading sits out. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 90_000;
/** Pages beyond what the platform's own total promises before the reading is given up as endless. */
const SPARE_PAGES = 1000;

export interface ReadingParts {
  readonly client: HttpClient;
  readonly now: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Runs a call under the configured deadline and the signal. */
  readonly bounded: <T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

interface Page {
  readonly contacts: readonly Record<string, unknown>[];
  readonly next: string | null;
  readonly totalPages: number | null;
}

/**
 * Every contact of the tenant, once each, a page at a time (doc: `GET /contacts?limit≤500&cursor|page`).
 * unknown: the ordering and the cursor's place, so a cursor is followed where one comes, else pages are counted; what
 * comes twice is dropped. Contacts that change places while pages are counted may be missed: a second reading tells.
 * Throws {@link DestinationError}.
 */
export async function* readContacts(parts: ReadingParts, paced: Paced, signal: AbortSignal): AsyncIterable<readonly FoundContact[]> {
  const seen = new Seen();
  const cursors = new Set<string>();
  let query = '&page=1';
  let most = SPARE_PAGES;
  for (let number = 1; ; number++) {
    const page = await readPage(parts, `/contacts?limit=${PAGE}${query}`, paced, signal);
    const found = page.contacts.filter((one) => seen.add(idOf(one))).map(foundContact);
    if (found.length > 0) yield found;
    if (page.contacts.length === 0) return;
    if (page.totalPages !== null) most = page.totalPages * 2 + SPARE_PAGES;
    if (number >= most) throw new DestinationError('unreachable', `MailingCore's contact list did not end after ${number} pages`, 'try again when fewer contacts change there');
    if (page.next !== null) {
      // A cursor that comes again and brings nothing new is the platform's way to say it has no more.
      if (cursors.has(page.next) && found.length === 0) return;
      cursors.add(page.next);
      query = `&cursor=${encodeURIComponent(page.next)}`;
      continue;
    }
    if (cursors.size > 0) return;
    if (page.totalPages !== null ? number >= page.totalPages : page.contacts.length < PAGE) return;
    query = `&page=${number + 1}`;
  }
}

async function readPage(parts: ReadingParts, path: string, paced: Paced, signal: AbortSignal): Promise<Page> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const outcome = await paced(async (turn) => parts.bounded(AbortSignal.any([signal, turn]), (bound) => askPage(parts, path, bound)));
    if ('contacts' in outcome) return outcome;
    signal.throwIfAborted();
    const wait = waitAfter(outcome, attempt);
    if (wait === null || attempt >= ATTEMPTS) throw errorOf(outcome);
    await parts.wait(wait, signal);
  }
}

async function askPage(parts: ReadingParts, path: string, signal: AbortSignal): Promise<Page | Outcome> {
  let answer: HttpAnswer;
  try {
    answer = await parts.client.request('GET', path, null, signal);
  } catch (error) {
    return outcomeOfError(error, 'MailingCore', parts.client.host);
  }
  if (answer.status === 200) {
    const page = pageOf(parsed(answer.body));
    return page ?? { kind: 'unknown', message: 'MailingCore answered 200 without a list of contacts', httpStatus: 200 };
  }
  return outcomeOfAnswer(answer, [], parts.now());
}

/** seen: `{data, meta: {page, limit, total, totalPages}}`; a bare list is read too. */
function pageOf(body: unknown): Page | null {
  if (Array.isArray(body)) return { contacts: body.filter(isObject), next: null, totalPages: null };
  if (!isObject(body)) return null;
  const list = body['data'] ?? body['contacts'] ?? body['items'];
  if (!Array.isArray(list)) return null;
  const meta = isObject(body['meta']) ? body['meta'] : {};
  const next = [meta['nextCursor'], meta['cursor'], body['nextCursor'], body['cursor']].find((one) => typeof one === 'string' && one !== '');
  const { totalPages } = meta;
  return {
    contacts: list.filter(isObject),
    next: typeof next === 'string' ? next : null,
    totalPages: typeof totalPages === 'number' && Number.isFinite(totalPages) ? totalPages : null,
  };
}

function foundContact(one: Record<string, unknown>): FoundContact {
  const email = textOf(one['email']);
  const locale = textOf(one['locale']);
  const attributes = isObject(one['attributes']) ? (one['attributes'] as Record<string, Json>) : {};
  return { key: textOf(one['externalId']), locale, optedIn: one['optIn'] === true, email, fields: foundFields(email, locale, attributes) };
}

function idOf(one: Record<string, unknown>): string {
  return textOf(one['id']) ?? textOf(one['externalId']) ?? textOf(one['email']) ?? '';
}

/** Milliseconds to wait before another try; null: trying again helps nobody. */
function waitAfter(outcome: Outcome, attempt: number): number | null {
  const backOff = FIRST_WAIT * 2 ** (attempt - 1);
  if (outcome.kind === 'throttled') return (outcome.retryAfterMs ?? backOff) > LONGEST_WAIT ? null : (outcome.retryAfterMs ?? backOff);
  return outcome.kind === 'unavailable' || outcome.kind === 'unknown' ? backOff : null;
}

function errorOf(outcome: Outcome): DestinationError {
  switch (outcome.kind) {
    case 'unauthenticated':
      return new DestinationError('unauthenticated', outcome.message, outcome.hint);
    case 'misconfigured':
      // The shared hint speaks of writing; here only reading was tried.
      return new DestinationError('misconfigured', outcome.message, outcome.httpStatus === 403 ? 'grant the key the contacts:read scope' : outcome.hint);
    case 'refused':
      return new DestinationError('misconfigured', outcome.message, 'MailingCore refuses to list contacts; check baseUrl and tenantId');
    case 'quota':
      return new DestinationError('quota', outcome.message);
    case 'throttled':
      return new DestinationError('throttled', outcome.message, 'lower limits.calls of this account, or try again later');
    default:
      return new DestinationError('unreachable', 'message' in outcome ? outcome.message : 'MailingCore gave no usable answer');
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
