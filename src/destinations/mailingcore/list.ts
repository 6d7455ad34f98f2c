import { DestinationError } from '../contract.js';
import type { Outcome, Paced } from '../contract.js';
import { Seen } from '../seen.js';
import { PAGE } from './config.js';
import { askPatiently, type Page, type ReadingParts } from './page.js';

/** Pages beyond what the platform's own total promises before the reading is given up as endless. */
const SPARE_PAGES = 1000;

/** What is listed, and how. */
export interface Listing<T> {
  /** Without parameters: `/contacts`. */
  readonly path: string;
  /** Parameters of its own, each with its `&`. */
  readonly query: string;
  /** For messages, and the name its list may have in the body: `contacts`. */
  readonly what: string;
  /** An entry as it came; null: not one of this list. */
  readonly entryOf: (one: unknown) => T | null;
  /** By what an entry is known when it comes again. */
  readonly idOf: (entry: T) => string;
  /** What a failure becomes; null: as any other. */
  readonly errorOf?: (outcome: Outcome) => DestinationError | null;
  /**
   * Nobody may be missed: each numbered page is read once more after the one behind it, since entries that leave the list
   * draw others forward, and without a told end only a page that brings nothing new is the last.
   */
  readonly thorough?: boolean;
  /** The platform may not have this list at all (404, 501): then it is empty. */
  readonly optional?: boolean;
}

/** How one page is asked for: by number (with our limit, or by the platform's own where ours is refused), or by cursor. */
interface Asked {
  readonly limit: string;
  readonly at: string;
}

/**
 * Every entry of a list of the tenant, once each, a page at a time (doc: `limit≤500&cursor|page`).
 * unknown: the ordering and the cursor's place, so a cursor is followed where one comes, else pages are counted; what
 * comes twice is dropped.
 * @throws DestinationError
 */
export async function* readList<T>(parts: ReadingParts, listing: Listing<T>, paced: Paced, signal: AbortSignal): AsyncGenerator<readonly T[]> {
  const seen = new Seen();
  const cursors = new Set<string>();
  const fresh = ({ entries }: Page): T[] => entries.map(listing.entryOf).filter((one): one is T => one !== null && seen.add(listing.idOf(one)));
  const first = await firstPage(parts, listing, paced, signal);
  if (first === null) return;
  let { page } = first;
  const ask = (at: string): Promise<Page> => readPage(parts, listing, { ...first.asked, at }, paced, signal);
  let most = SPARE_PAGES;
  for (let number = 1; ; number++) {
    const found = fresh(page);
    if (found.length > 0) yield found;
    // A filtered list may have an empty page in its midst.
    if (page.entries.length === 0 && (listing.thorough !== true || page.next === null)) return;
    if (page.totalPages !== null) most = page.totalPages * 2 + SPARE_PAGES;
    if (number >= most) throw new DestinationError('unreachable', `MailingCore's list of ${listing.what} did not end after ${number} pages`, 'try again when less changes there');
    if (page.next !== null) {
      // A cursor that comes again and brings nothing new is the platform's way to say it has no more.
      if (cursors.has(page.next) && found.length === 0) return;
      cursors.add(page.next);
      page = await ask(`&cursor=${encodeURIComponent(page.next)}`);
      continue;
    }
    if (cursors.size > 0) return;
    const full = listing.thorough === true ? found.length > 0 : page.entries.length >= PAGE;
    if (page.totalPages !== null ? number >= page.totalPages : !full) return;
    page = await ask(`&page=${number + 1}`);
    if (listing.thorough !== true || page.next !== null) continue;
    const slipped = fresh(await ask(`&page=${number}`));
    if (slipped.length > 0) yield slipped;
  }
}

/** The first page, and in which words the others are asked for; null: the platform has no such list. */
async function firstPage<T>(parts: ReadingParts, listing: Listing<T>, paced: Paced, signal: AbortSignal): Promise<{ readonly page: Page; readonly asked: Asked } | null> {
  const asked: Asked = { limit: `limit=${PAGE}`, at: '&page=1' };
  const page = await tryPage(parts, listing, asked, paced, signal);
  if ('entries' in page) return { page, asked };
  if (listing.optional === true && (page.kind === 'misconfigured' || page.kind === 'unknown') && (page.httpStatus === 404 || page.httpStatus === 501)) return null;
  // unknown: the parameters of this list. It may not take ours.
  const plain: Asked = { limit: '', at: '' };
  if (listing.optional === true && page.kind === 'refused') return { page: await readPage(parts, listing, plain, paced, signal), asked: plain };
  throw errorOf(page, listing);
}

async function readPage<T>(parts: ReadingParts, listing: Listing<T>, asked: Asked, paced: Paced, signal: AbortSignal): Promise<Page> {
  const page = await tryPage(parts, listing, asked, paced, signal);
  if ('entries' in page) return page;
  throw errorOf(page, listing);
}

function tryPage<T>(parts: ReadingParts, listing: Listing<T>, asked: Asked, paced: Paced, signal: AbortSignal): Promise<Page | Outcome> {
  const query = `${asked.limit}${asked.at}${listing.query}`.replace(/^&/, '');
  return askPatiently(parts, listing.what, query === '' ? listing.path : `${listing.path}?${query}`, paced, signal);
}

function errorOf<T>(outcome: Outcome, { what, errorOf: own }: Listing<T>): DestinationError {
  const special = own?.(outcome) ?? null;
  if (special !== null) return special;
  switch (outcome.kind) {
    case 'unauthenticated':
      return new DestinationError('unauthenticated', outcome.message, outcome.hint);
    case 'misconfigured':
      // The shared hint speaks of writing; here only reading was tried.
      return new DestinationError('misconfigured', outcome.message, outcome.httpStatus === 403 ? 'grant the key the contacts:read scope' : outcome.hint);
    case 'refused':
      return new DestinationError('misconfigured', outcome.message, `MailingCore refuses to list ${what}; check baseUrl and tenantId`);
    case 'quota':
      return new DestinationError('quota', outcome.message);
    case 'throttled':
      return new DestinationError('throttled', outcome.message, 'lower limits.calls of this account, or try again later');
    default:
      return new DestinationError('unreachable', 'message' in outcome ? outcome.message : 'MailingCore gave no usable answer');
  }
}
