import { isDeepStrictEqual } from 'node:util';
import type { Crm, CrmRow } from './crm.js';
import type { OptOuts } from './opt-outs.js';
import type { Held, Platform } from './platforms/index.js';

/**
 * What is wrong where the platform should hold the CRM's rows field by field, and nothing else; whoever is in `bad`
 * is expected in an older version instead. Where the platform has no key of ours, a contact whose identity changed may
 * have left records of former ones; two records of one identity are never right.
 */
export function inequalities(platform: Platform, crm: Crm, held: Iterable<Held>, bad: ReadonlyMap<string, CrmRow>, optOuts?: OptOuts): string[] {
  const faults: string[] = [];
  const found = new Map<string, Held[]>();
  const identities = new Set<string>();
  for (const contact of held) {
    const identity = platform.identity?.(contact.fields);
    if (identity !== undefined && identities.has(identity)) faults.push(`contact ${contact.key} is there twice under one identity`);
    if (identity !== undefined) identities.add(identity);
    const list = found.get(contact.key);
    if (list === undefined) found.set(contact.key, [contact]);
    else list.push(contact);
  }
  for (const current of crm.rows.values()) {
    const { external_id: key } = current;
    const row = bad.get(key) ?? current;
    const expected = platform.expected(row);
    const records = found.get(key) ?? [];
    found.delete(key);
    const ours = platform.identity === undefined ? records[0] : records.find((record) => platform.identity?.(record.fields) === platform.identity?.(expected));
    if (ours === undefined) {
      faults.push(`contact ${key} is not at the platform${records.length > 0 ? `, but ${records.length} former ones (rev ${records.map((one) => one.rev).join(', ')}, expected ${row.rev})` : ''}`);
      continue;
    }
    const wrong = [...new Set([...Object.keys(expected), ...Object.keys(ours.fields)])].filter((name) => {
      const value = ours.fields[name];
      if (name === 'email_permission' && optOuts !== undefined) return !optOuts.allowed(row).includes(value as boolean);
      return !isDeepStrictEqual(value, expected[name]);
    });
    if (wrong.length > 0) faults.push(`contact ${key} differs in ${wrong.join(', ')} (rev ${ours.rev}, expected ${row.rev})`);
    if (records.length > 1) faults.push(...strangers(platform, crm, key, records.filter((record) => record !== ours)));
  }
  for (const key of found.keys()) faults.push(`contact ${key} is at the platform and not in the CRM`);
  return faults;
}

/** Records beside a contact's own that no former version of it explains. */
function strangers({ identity, expected }: Platform, crm: Crm, key: string, others: readonly Held[]): string[] {
  const former = new Set(crm.history(key).map((row) => identity?.(expected(row))));
  return others.filter((other) => identity === undefined || !former.has(identity(other.fields))).map((other) => `contact ${key} is there a second time (rev ${other.rev})`);
}
