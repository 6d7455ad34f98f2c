import { normalisePhone } from '../contacts/index.js';
import type { CrmRow } from './crm.js';

/** How the platform's contacts differ from what the CRM says they should be; keys. */
export interface StateDifferences {
  readonly expected: number;
  readonly held: number;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly different: readonly string[];
}

/**
 * Compares the platform with the CRM row by row. Written apart from the engine's own mapping, so that a fault in
 * that one shows.
 * @param refused keys that the platform must not hold
 */
export function compareStates(crm: readonly CrmRow[], held: Iterable<Readonly<Record<string, unknown>>>, refused: ReadonlySet<string>): StateDifferences {
  const expected = new Map<string, string>();
  for (const row of crm) if (!refused.has(row.external_id)) expected.set(row.external_id, expectedText(row));
  const missing = new Set(expected.keys());
  const unexpected: string[] = [];
  const different: string[] = [];
  let count = 0;
  for (const contact of held) {
    count += 1;
    const key = String(contact['externalId']);
    const wanted = expected.get(key);
    // A second contact under one key is as unexpected as a stranger.
    if (wanted === undefined || !missing.delete(key)) unexpected.push(key);
    else if (wanted !== heldText(contact)) different.push(key);
  }
  return { expected: expected.size, held: count, missing: [...missing], unexpected, different };
}

/** Where every comparison of `compareStates` came out even. */
export function alike({ missing, unexpected, different }: StateDifferences): boolean {
  return missing.length + unexpected.length + different.length === 0;
}

function expectedText(row: CrmRow): string {
  const { city, postal_code, state, country } = row;
  const phone = row.phone === null ? null : normalisePhone(row.phone, country);
  return textOf(row.email, row.locale, row.opt_in, { phone, firstName: row.first_name, city, postal_code, state, country });
}

function heldText({ email, locale, optIn, attributes }: Readonly<Record<string, unknown>>): string {
  return textOf(email, locale, optIn, attributes as Readonly<Record<string, unknown>>);
}

/** One contact as a text that is equal for equal contacts; an attribute that is null is not there. */
function textOf(email: unknown, locale: unknown, optIn: unknown, attributes: Readonly<Record<string, unknown>>): string {
  const present = Object.entries(attributes).filter(([, value]) => value !== null && value !== undefined);
  return JSON.stringify([email, locale ?? null, optIn, present.sort(([a], [b]) => (a < b ? -1 : 1))]);
}
