import { createHash } from 'node:crypto';
import { isRecord } from '../api/index.js';

/** One page of the list as it came. */
export interface ListPage {
  readonly contacts: readonly unknown[];
  /** Which page it says it is; null where it does not. */
  readonly number: number | null;
  /** Where the list goes on, if it says so. */
  readonly next: string | null;
  /** Contacts of the whole list; null where it is not told. */
  readonly total: number | null;
  readonly totalPages: number | null;
}

/**
 * Reads a page. seen: `{data, meta: {page, limit, total, totalPages}}`; unknown: the cursor's place, so the usual ones
 * are looked at; a bare list is read too. Null: no list of contacts.
 */
export function pageOf(body: unknown): ListPage | null {
  if (Array.isArray(body)) return { contacts: body as unknown[], number: null, next: null, total: null, totalPages: null };
  if (!isRecord(body)) return null;
  const list = body['data'] ?? body['contacts'] ?? body['items'];
  if (!Array.isArray(list)) return null;
  const meta = isRecord(body['meta']) ? body['meta'] : {};
  const next = [meta['nextCursor'], meta['cursor'], body['nextCursor'], body['cursor']].find((one) => typeof one === 'string' && one !== '');
  return {
    contacts: list as unknown[],
    number: numberOf(meta['page']),
    next: typeof next === 'string' ? next : null,
    total: numberOf(meta['total']),
    totalPages: numberOf(meta['totalPages']),
  };
}

/** One contact, bare or in an envelope; null where the body holds none. */
export function contactOf(body: unknown): unknown {
  if (!isRecord(body)) return null;
  return isRecord(body['data']) ? body['data'] : body;
}

/** What tells whether the same contacts came again; short, for it is stored. */
export function signatureOf(contacts: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const contact of contacts) hash.update(`${String(isRecord(contact) ? (contact['id'] ?? contact['externalId'] ?? contact['email']) : contact)}\n`);
  return hash.digest('hex').slice(0, 16);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}
