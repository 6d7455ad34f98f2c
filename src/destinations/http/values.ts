import type { OutgoingRow } from '../contract.js';

/**
 * Every text a row carries, and numbers long enough to name somebody, longest first: what must not be repeated in a
 * message. The key is an id, not a person's data. Empty for fields that are not JSON.
 */
export function personalValues(row: OutgoingRow): string[] {
  const values: string[] = [];
  try {
    collect(JSON.parse(row.fields), values);
  } catch {
    return [];
  }
  return values.sort((a, b) => b.length - a.length);
}

function collect(value: unknown, into: string[]): void {
  if (typeof value === 'string') into.push(value);
  else if (typeof value === 'number' && Math.abs(value) >= 10_000) into.push(String(value));
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) collect(one, into);
}
