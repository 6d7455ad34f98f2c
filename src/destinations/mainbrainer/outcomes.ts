import { maskPersonal, maskValues, parsed, quotaUntil, retryAfter } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import type { OutgoingRow, Outcome } from '../contract.js';
import { blameOf, type Configured } from './blame.js';
import { personalOf } from './mapping.js';
import { UUID } from './properties.js';
import { first, loose, textOf, wordsIn, type Loose } from './reading.js';

/** Statuses that mean the request was not processed (doc for none of them; a 504 comes from a gateway that gave up waiting). */
const NOT_PROCESSED: ReadonlySet<number> = new Set([425, 500, 502, 503]);
/** The whole call refused for what is in it. doc: 400, 422, 409 and 406; the last as comparable platforms do. */
const REFUSED: ReadonlySet<number> = new Set([400, 406, 409, 413, 422]);

const HINT_URL = 'check baseUrl: MainBrainer itself answers at https://apicrm.mainbrainer.com';
const HINT_403 = 'ask MainBrainer for the right to create and update contacts by API, and check that privateToken is the account\'s';
const MOST_NAMES = 20;

/** What the answer to a batch means, but for a refused token (pure; never throws). `now` is milliseconds since 1970. */
export function outcomeOfBatch(answer: HttpAnswer, rows: readonly OutgoingRow[], configured: Configured, now: number): Outcome {
  const { status } = answer;
  const body = parsed(answer.body);
  const words = wordsIn(body, answer.body);
  if (status >= 200 && status < 300) return outcomeOfSuccess(status, body, rows, configured);
  const failure = outcomeOfStatus(answer, now, personalOf(rows));
  if (failure !== null) return failure;
  if (REFUSED.has(status)) {
    const hint = status === 400 || status === 422 ? blameOf(words, configured) : null;
    const message = maskValues(words, personalOf(rows)) || `HTTP ${status}`;
    // An error that names its contact means the same: one bad contact and nothing of the whole was processed (doc).
    return hint === null ? { kind: 'refused', message, httpStatus: status } : { kind: 'misconfigured', message, hint, httpStatus: status };
  }
  if (NOT_PROCESSED.has(status)) return { kind: 'unavailable', message: `MainBrainer answered ${status}: ${maskValues(words, personalOf(rows)) || 'no words'}`, httpStatus: status };
  return { kind: 'unknown', message: `MainBrainer answered ${status}, which does not tell whether the batch was taken`, httpStatus: status };
}

/** The part that is the same for every route: limits, rights, addresses. Null: anything else. `personal` is masked. */
function outcomeOfStatus(answer: HttpAnswer, now: number, personal: Iterable<string>): Outcome | null {
  const { status, headers } = answer;
  const said = maskValues(wordsIn(parsed(answer.body), answer.body), personal);
  if (status === 429) {
    // doc: 100 calls in 10 s, and 250,000 a day on the smallest plan; unknown: how the second is told from the first.
    if (/\b(?:daily|per day|a day|day'?s|quota)\b/i.test(said)) return { kind: 'quota', until: quotaUntil(null, headers, now), message: said, httpStatus: status };
    return { kind: 'throttled', retryAfterMs: retryAfter(headers, now), message: said || 'too many requests', httpStatus: status };
  }
  if (status === 402 || status === 403) return { kind: 'misconfigured', message: said || 'not allowed', hint: HINT_403, httpStatus: status };
  if (status === 404 || status === 405) return { kind: 'misconfigured', message: said || `HTTP ${status}`, hint: HINT_URL, httpStatus: status };
  if (status >= 300 && status < 400) return { kind: 'misconfigured', message: `MainBrainer redirects (HTTP ${status})`, hint: HINT_URL, httpStatus: status };
  return null;
}

/** The same for a read or a log-in, which change nothing: whatever is no answer may simply be asked again. */
export function outcomeOfRead(answer: HttpAnswer, now: number): Outcome {
  const said = maskPersonal(wordsIn(parsed(answer.body), answer.body)) || 'no words';
  return outcomeOfStatus(answer, now, []) ?? { kind: 'unavailable', message: `MainBrainer answered ${answer.status}: ${said}`, httpStatus: answer.status };
}

/** doc: 202 and `data.BatchId`. unknown: whether some plan answers 200; the id is what counts. */
function outcomeOfSuccess(status: number, body: unknown, rows: readonly OutgoingRow[], { properties }: Configured): Outcome {
  const top = loose(body);
  const held = first(top, 'data', 'result');
  const data = loose(held) ?? top;
  const reference = textOf(first(data, 'batchid') ?? first(top, 'batchid') ?? (typeof held === 'string' && UUID.test(held) ? held : undefined));
  if (reference === null) return { kind: 'unknown', message: `MainBrainer answered ${status} without a BatchId to ask for`, httpStatus: status };
  const notes = notesIn(data, rows, new Set(['firstname', 'lastname', ...properties]));
  const unknownIds = unknownIn(data, rows);
  return {
    kind: 'accepted',
    reference,
    ...(notes.length > 0 && { notes }),
    ...(unknownIds.length > 0 && { unknownIds }),
    httpStatus: status,
  };
}

/** Elements are names (doc: its example is empty) or `{propertyId, propertyName, propertyValue}` (doc): the value is never repeated. */
function notesIn(data: Loose | null, rows: readonly OutgoingRow[], ours: ReadonlySet<string>): string[] {
  const names = new Set<string>();
  for (const one of listOf(first(data, 'invalidproperties', 'invalidpropertieslist', 'invalidpropertylist'))) {
    const object = loose(one);
    const name = textOf(object === null ? one : first(object, 'propertyname', 'name', 'propertyid', 'id'));
    // Names of the configuration stand as they are: a uuid would else be taken for somebody's number.
    if (name !== null) names.add(ours.has(name) ? name : maskValues(name, personalOf(rows)));
  }
  if (names.size === 0) return [];
  const some = [...names].sort().slice(0, MOST_NAMES).join(', ') + (names.size > MOST_NAMES ? ` and ${names.size - MOST_NAMES} more` : '');
  return [`properties MainBrainer does not know: ${some}`];
}

function unknownIn(data: Loose | null, rows: readonly OutgoingRow[]): number[] {
  const ids = new Set(idsOf(first(data, 'invalidcontactids', 'invalidcontactidlist', 'invalidcontactidslist')));
  return ids.size === 0 ? [] : rows.filter(({ platformId }) => platformId !== null && ids.has(platformId)).map(({ ord }) => ord);
}

/** Contact ids as numbers, texts or objects that hold one. */
export function idsOf(value: unknown): string[] {
  return listOf(value).flatMap((one) => textOf(loose(one) === null ? one : first(loose(one), 'contactid', 'id')) ?? []);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
