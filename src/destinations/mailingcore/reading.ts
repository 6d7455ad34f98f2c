import type { FoundContact, Json, Paced } from '../contract.js';
import { readList, type Listing } from './list.js';
import { isObject, textOf, type ReadingParts } from './page.js';
import { foundFields } from './mapping.js';

const CONTACTS: Listing<Record<string, unknown>> = {
  path: '/contacts',
  query: '',
  what: 'contacts',
  entryOf: (one) => (isObject(one) ? one : null),
  idOf: contactId,
};

/**
 * Every contact of the tenant, once each, a page at a time (doc: `GET /contacts?limit≤500&cursor|page`).
 * Contacts that change places while pages are counted may be missed: a second reading tells.
 * @throws DestinationError
 */
export async function* readContacts(parts: ReadingParts, paced: Paced, signal: AbortSignal): AsyncIterable<readonly FoundContact[]> {
  for await (const page of readList(parts, CONTACTS, paced, signal)) yield page.map(foundContact);
}

function foundContact(one: Record<string, unknown>): FoundContact {
  const email = textOf(one['email']);
  const locale = textOf(one['locale']);
  const attributes = isObject(one['attributes']) ? (one['attributes'] as Record<string, Json>) : {};
  return { key: textOf(one['externalId']), locale, optedIn: one['optIn'] === true, email, fields: foundFields(email, locale, attributes, textOf(one['consentVersion'])) };
}

/** By what a listed contact is known when it comes twice. */
export function contactId(one: Record<string, unknown>): string {
  return textOf(one['id']) ?? textOf(one['externalId']) ?? textOf(one['email']) ?? '';
}
