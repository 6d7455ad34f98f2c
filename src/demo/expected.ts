import type { CrmRow } from './crm.js';

/** How one platform shows contacts, written apart from the engine's own mapping, so that a fault in that one shows. */
export interface Form {
  /** What a contact is recognised by there; null: it cannot be there. */
  readonly keyOf: (row: CrmRow) => string | null;
  /** The contact as the CRM says it should be, as a text that is equal for equal contacts. */
  readonly expected: (row: CrmRow) => string;
  readonly heldKey: (contact: Readonly<Record<string, unknown>>) => string;
  readonly held: (contact: Readonly<Record<string, unknown>>) => string;
}

/** How the platform's contacts differ from what the CRM says they should be; keys. */
export interface StateDifferences {
  readonly expected: number;
  readonly held: number;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly different: readonly string[];
}

/**
 * Compares the platform with the CRM row by row.
 * @param refused keys that the platform must not hold
 */
export function compareStates(
  crm: readonly CrmRow[], held: Iterable<Readonly<Record<string, unknown>>>, refused: ReadonlySet<string>, form: Form,
): StateDifferences {
  const expected = new Map<string, string>();
  for (const row of crm) {
    const key = refused.has(row.external_id) ? null : form.keyOf(row);
    if (key !== null) expected.set(key, form.expected(row));
  }
  const missing = new Set(expected.keys());
  const unexpected: string[] = [];
  const different: string[] = [];
  let count = 0;
  for (const contact of held) {
    count += 1;
    const key = form.heldKey(contact);
    const wanted = expected.get(key);
    // A second contact under one key is as unexpected as a stranger.
    if (wanted === undefined || !missing.delete(key)) unexpected.push(key);
    else if (wanted !== form.held(contact)) different.push(key);
  }
  return { expected: expected.size, held: count, missing: [...missing], unexpected, different };
}

/** Where every comparison of `compareStates` came out even. */
export function alike({ missing, unexpected, different }: StateDifferences): boolean {
  return missing.length + unexpected.length + different.length === 0;
}
