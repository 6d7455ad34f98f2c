import { maskPersonal } from '../../http/index.js';
import type { Later } from '../contract.js';
import { idsOf } from './outcomes.js';
import { first, loose, textOf, type Loose } from './reading.js';

/** One of inserted, updated, skipped. */
interface Part {
  readonly count: number;
  readonly ids: readonly string[];
}

interface Counts {
  readonly inserted: Part;
  readonly updated: Part;
  readonly skipped: Part;
}

/**
 * Reads a batch's Status (pure): `{id, status, statusText, statusFailedReason, processedObj}` (doc).
 * unknown: the values of `status` (doc: a number) and `statusText`, and whether the counts grow while it is being
 * processed. So what decides, in this order: words of failure; counts that make up the rows sent; words that it is
 * not done; words that it is. Nothing is taken for done on a number, nor on a bare "success", which is also what the
 * envelope of every answer of this platform says.
 * @param rows how many were sent
 */
export function readStatus(body: unknown, rows: number, httpStatus: number): Later {
  const status = statusIn(body);
  if (status === null) return { kind: 'pending' };
  const words = plain([textOf(first(status, 'status')), textOf(first(status, 'statustext'))]);
  const reason = reasonOf(textOf(first(status, 'statusfailedreason')));
  const counts = countsIn(first(status, 'processedobj', 'processed'));
  const accepted = counts === null ? 0 : counts.inserted.count + counts.updated.count;
  const skipped = counts?.skipped.count ?? 0;
  const fits = counts !== null && accepted + skipped === rows;
  const unclear = (message: string): Later => ({ kind: 'unclear', accepted: Math.min(accepted, rows), message: withReason(message, reason), httpStatus });

  // "Completed with errors" in which every contact is counted is about something else than the contacts.
  const done = DONE.test(words) && !NOT_DONE.test(words);
  if (FAILED.test(words) && !(fits && done)) {
    return accepted > 0 ? unclear(`the batch failed after ${accepted} of ${rows} contacts`) : { kind: 'failed', message: withReason('the batch failed', reason), httpStatus };
  }
  if (fits && skipped > 0) return unclear(`${skipped} of ${rows} contacts were skipped`);
  if (fits) {
    const { inserted, updated } = counts;
    const receipt = { inserted: inserted.count, updated: updated.count, skipped: 0, ids: [...inserted.ids, ...updated.ids] };
    return { kind: 'answered', failed: [], receipt, httpStatus };
  }
  if (NOT_DONE.test(words)) return { kind: 'pending' };
  if (accepted + skipped === 0 && reason !== '') return { kind: 'failed', message: withReason('the batch failed', reason), httpStatus };
  if (done || (counts !== null && SUCCESS.test(words))) {
    // Done, and it does not count: its word stands. Counts that are there and do not fit are another matter.
    return counts === null ? { kind: 'answered', failed: [], httpStatus } : unclear(`its counts make ${accepted + skipped}, ${rows} contacts were sent`);
  }
  return { kind: 'pending' };
}

const FAILED = /\b(?:fail\w*|error\w*|reject\w*|cancell?\w*|abort\w*|refused)\b/;
const NOT_DONE =
  /\b(?:pending|processing|queued?|waiting|accepted|received|submitted|starting|started|running|scheduled|new|created|partial|partially|incomplete|unfinished|unprocessed|unknown|being|will)\b|\bin (?:process|progress|queue)\b|\bto be\b|\bnot\b|\byet\b|\bno\b|\bnever\b/;
const DONE = /\b(?:completed?|done|processed|finish(?:ed)?)\b/;
const SUCCESS = /\bsuccess\w*\b|\bsucceeded\b/;

/** Words as spoken: `NotProcessed` and `NOT_PROCESSED` are "not processed"; errors that are said not to be are left out. */
function plain(texts: readonly (string | null)[]): string {
  return texts
    .filter((text) => text !== null && !/^-?\d+$/.test(text))
    .join(' | ')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/[_-]+/g, ' ')
    .replace(/\b(?:without|with no|no|zero|0)(?: any)? (?:errors?|failures?|failed|rejections?)\b/g, ' ')
    .replace(/\b(?:errors?|failures?|failed|rejected) ?: ?0\b/g, ' ');
}

function reasonOf(text: string | null): string {
  return text === null || /^(?:n\/?a|none|null|nil|no|ok|-+|\.+|0)$/i.test(text) ? '' : maskPersonal(text);
}

function withReason(message: string, reason: string): string {
  return reason === '' ? message : `${message}: ${reason}`;
}

/** Where the batch's own status stands: at the top (doc), or inside `data` of the envelope the other routes have. */
function statusIn(body: unknown): Loose | null {
  const top = loose(body);
  const data = loose(first(top, 'data', 'result'));
  const own = ['id', 'batchid', 'statustext', 'statusfailedreason', 'processedobj', 'processed'];
  return [data, top].find((one) => own.some((name) => first(one, name) !== undefined)) ?? data;
}

/** Null where nothing is counted. */
function countsIn(value: unknown): Counts | null {
  const object = loose(value);
  const inserted = partOf(first(object, 'inserted'));
  const updated = partOf(first(object, 'updated'));
  const skipped = partOf(first(object, 'skipped'));
  if (inserted === null && updated === null && skipped === null) return null;
  return { inserted: inserted ?? NOTHING, updated: updated ?? NOTHING, skipped: skipped ?? NOTHING };
}

const NOTHING: Part = { count: 0, ids: [] };

/** doc: `{count, contactIds}`; a bare count and a bare list are read too. */
function partOf(value: unknown): Part | null {
  if (Array.isArray(value)) return { count: value.length, ids: idsOf(value) };
  const object = loose(value);
  const ids = idsOf(first(object, 'contactids', 'ids'));
  const count = object === null ? value : (first(object, 'count') ?? ids.length);
  const number = typeof count === 'string' && /^\d+$/.test(count) ? Number(count) : count;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 ? { count: number, ids } : null;
}
