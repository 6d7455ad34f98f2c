import type { StoredContact, Store } from './store.js';
import { shown } from './store.js';

export interface ListQuery {
  readonly limit: number;
  readonly page: number;
  /** The slot to go on from, where the client follows the cursor. */
  readonly cursor: number | null;
  /** Milliseconds since 1970. unknown: whether it is inclusive; here it is. */
  readonly updatedSince: number | null;
  /** '' asks for contacts without a locale. */
  readonly locale: string | null;
  readonly optIn: boolean | null;
}

/** A query as the list route takes it, or the words of its 400. */
export function parseListQuery(query: Readonly<Record<string, string | undefined>>): ListQuery | { readonly fault: string } {
  const limit = Number(query.limit ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) return { fault: 'limit must be an integer from 1 to 500' };
  const page = Number(query.page ?? 1);
  if (!Number.isInteger(page) || page < 1) return { fault: 'page must be a positive integer' };
  const cursor = query.cursor === undefined ? null : slotOf(query.cursor);
  if (cursor !== null && !Number.isInteger(cursor)) return { fault: 'cursor is not valid' };
  const updatedSince = query.updatedSince === undefined ? null : Date.parse(query.updatedSince);
  if (updatedSince !== null && Number.isNaN(updatedSince)) return { fault: 'updatedSince must be an ISO 8601 date' };
  if (query.optIn !== undefined && query.optIn !== 'true' && query.optIn !== 'false') return { fault: 'optIn must be true or false' };
  return { limit, page, cursor, updatedSince, locale: query.locale ?? null, optIn: query.optIn === undefined ? null : query.optIn === 'true' };
}

/** One page (seen: `{data, meta: {page, limit, total, totalPages}}`; unknown: where a cursor stands, here `meta.nextCursor`). */
export function listContacts(store: Store, query: ListQuery, pagination: 'cursor' | 'page'): object {
  const unfiltered = query.updatedSince === null && query.locale === null && query.optIn === null;
  const total = unfiltered ? store.size : countMatches(store, query);
  const data: object[] = [];
  let slot = query.cursor ?? 0;
  let skip = query.cursor === null ? (query.page - 1) * query.limit : 0;
  // Without holes and filters a page's place is known; a million contacts would else be walked once a page.
  if (unfiltered && store.size === store.slots) {
    slot += skip;
    skip = 0;
  }
  for (; slot < store.slots && data.length < query.limit; slot++) {
    const contact = store.slot(slot);
    if (contact === undefined || !matches(contact, query)) continue;
    if (skip > 0) skip -= 1;
    else data.push(shown(contact));
  }
  const more = pagination === 'cursor' && slot < store.slots;
  return {
    data,
    meta: {
      page: query.page,
      limit: query.limit,
      total,
      totalPages: Math.ceil(total / query.limit),
      ...(more && { nextCursor: cursorOf(slot) }),
    },
  };
}

function countMatches(store: Store, query: ListQuery): number {
  let total = 0;
  for (const contact of store.all()) if (matches(contact, query)) total += 1;
  return total;
}

function matches(contact: StoredContact, query: ListQuery): boolean {
  if (query.updatedSince !== null && contact.updatedAt < query.updatedSince) return false;
  if (query.locale !== null && (contact.locale ?? '') !== query.locale) return false;
  return query.optIn === null || contact.optIn === query.optIn;
}

function cursorOf(slot: number): string {
  return Buffer.from(`s${slot}`).toString('base64url');
}

function slotOf(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString();
  return /^s\d+$/.test(text) ? Number(text.slice(1)) : Number.NaN;
}
