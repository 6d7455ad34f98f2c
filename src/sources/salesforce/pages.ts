import { chosenKeys, RefusedError, type Api } from '../api/index.js';
import { SourceError, type ReadPlan, type SourcePage } from '../contract.js';
import { ID, type rowReader } from './fields.js';
import { advance } from './mark.js';
import { changedQuery, chosenQuery, queryPath, type Mark, type Selection } from './soql.js';

/** Where reading goes on: at the locator of the next page, and where that has ended, behind the mark. */
export interface Position extends Mark {
  /** Path of the next page; null: a query of its own. */
  readonly next: string | null;
  /** False once records came out of order: then no mark is kept, and a locator that ended starts the plan anew. */
  readonly ordered: boolean;
  /** Of chosen ones: how many keys are done. */
  readonly asked: number;
  readonly done: boolean;
}

export interface Reading {
  readonly api: Api;
  readonly plan: ReadPlan;
  readonly selection: Selection;
  /** Path of queries: with deleted records or without. */
  readonly base: string;
  readonly row: ReturnType<typeof rowReader>;
  readonly key: string;
  readonly signal: AbortSignal;
}

export const START: Position = { next: null, time: null, id: null, ordered: true, asked: 0, done: false };

/** How often a page that does not go on is asked for again. */
const STUCK = 5;
/** Keys a query, and the characters they may take of a URL. */
const MOST_KEYS = 100;
const MOST_CHARACTERS = 4000;

/** Reads a plan from a position on. Records of a page that came again are handed over once more. */
export async function* readPages(reading: Reading, from: Position): AsyncGenerator<SourcePage> {
  const step = reading.plan.kind === 'only' ? chosen : changed;
  let at = from;
  let stuck = 0;
  let restarts = 0;
  let restarted: Mark | null = null;
  do {
    const read = await step(reading, at);
    stuck = read === null || (!read.next.done && read.next.next === at.next && read.next.asked === at.asked) ? stuck + 1 : 0;
    if (read?.restarted === true) {
      restarts = restarted?.time === read.next.time && restarted.id === read.next.id ? restarts + 1 : 0;
      restarted = read.next;
    }
    if (stuck >= STUCK || restarts >= STUCK) {
      throw new SourceError('unreachable', `${reading.api.place} answers the same page, or none, again and again`, 'the run waits and tries again by itself');
    }
    if (read === null) continue;
    yield { rows: read.records.map(reading.row), position: { ...read.next }, last: read.next.done };
    at = read.next;
  } while (!at.done);
}

interface Step {
  readonly records: readonly unknown[];
  readonly next: Position;
  /** A locator had ended, and the page is that of a query behind the mark. */
  readonly restarted?: boolean;
}

/** The next page of what changed; null where the answer is none. */
async function changed(reading: Reading, at: Position): Promise<Step | null> {
  const { api, plan, selection, base, signal } = reading;
  if (at.done) return { records: [], next: at };
  const page = at.next === null ? null : await further(reading, at.next);
  // From here on, whatever was read behind the mark comes once more.
  const query = at.ordered ? at : START;
  const answer = page ?? pageOf((await api.call('GET', queryPath(base, changedQuery(selection, plan, query)), null, signal)).body, true);
  if (answer === null) return null;
  const { records, next } = answer;
  const before = page === null ? query : at;
  // The page that leads here, once more: no sign of another order.
  const repeated = page !== null && next === at.next;
  const mark = repeated ? before : advance(before, records, plan.to);
  return { records, next: { ...mark, next, done: next === null }, restarted: at.next !== null && page === null };
}

/**
 * The page of a locator; null where it has ended. doc: after two days, or where too many are open; seen: with the
 * session that it belongs to. A page that is none (`records` missing) is asked for anew by a query, too.
 */
async function further({ api, signal }: Reading, path: string): Promise<Page | null> {
  try {
    return pageOf((await api.call('GET', path, null, signal)).body, false);
  } catch (error) {
    if (error instanceof RefusedError && (error.status === 401 || error.status === 404 || error.code === 'INVALID_QUERY_LOCATOR')) return null;
    throw error;
  }
}

/** Chosen ones, as many as fit a URL. */
async function chosen(reading: Reading, at: Position): Promise<Step | null> {
  const { api, plan, selection, base, key, signal } = reading;
  if (at.done) return { records: [], next: at };
  const all = chosenKeys(plan);
  let end = at.asked;
  for (let characters = 0; end < all.length && end - at.asked < MOST_KEYS; end++) {
    characters += encodeURIComponent(all[end]!).length + 9;
    if (characters > MOST_CHARACTERS && end > at.asked) break;
  }
  const keys = all.slice(at.asked, end).filter((text) => key.toLowerCase() !== ID.toLowerCase() || isId(text));
  const next = { ...at, asked: end, done: end >= all.length };
  if (keys.length === 0) return { records: [], next };
  const page = pageOf((await api.call('GET', queryPath(base, chosenQuery(selection, key, keys)), null, signal)).body, true);
  if (page === null) return null;
  const records = [...page.records];
  // A key that is no id can be that of many records.
  for (let path = page.next; path !== null; ) {
    const more = await further(reading, path);
    if (more === null || more.next === path) return null;
    records.push(...more.records);
    path = more.next;
  }
  return { records, next };
}

/** doc: 15 characters, or 18 with those that tell upper and lower case apart. */
const isId = (text: string): boolean => /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/.test(text);

interface Page {
  readonly records: readonly unknown[];
  /** Path of the next page; null: this is the last. */
  readonly next: string | null;
}

/**
 * The page an answer holds; null where it is none, or contradicts itself.
 * @param first whether it answers a query: then its totalSize says how many records there are (doc)
 */
function pageOf(body: Readonly<Record<string, unknown>>, first: boolean): Page | null {
  const { records, done, totalSize, nextRecordsUrl: path } = body;
  if (!Array.isArray(records) || typeof done !== 'boolean') return null;
  if (!done) return typeof path === 'string' && path.startsWith('/services/data/') ? { records, next: path } : null;
  return first && records.length < Number(totalSize) ? null : { records, next: null };
}
