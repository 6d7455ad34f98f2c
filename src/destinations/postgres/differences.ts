import { parseTime } from '../../contacts/index.js';
import type { Json } from '../../contacts/index.js';
import type { FoundContact } from '../contract.js';

/**
 * The names of the columns that differ, of those that were sent. A column holds a value in its own type, so the same
 * thing may look otherwise: numbers are compared as numbers, times as times, JSON as JSON, e-mails without case.
 * What a column rounds away (a `date`, a `numeric(5, 1)`) shows as a difference.
 * @param columns column → contact field or attribute
 */
export function differences(
  expected: { readonly fields: string; readonly optedIn: boolean | null; readonly smsOptedIn?: boolean | null }, found: FoundContact, columns: Readonly<Record<string, string>>,
): string[] {
  const wanted = JSON.parse(expected.fields) as Record<string, Json>;
  const held = JSON.parse(found.fields) as Record<string, Json>;
  const names = Object.keys(wanted).filter((name) => !alike(wanted[name] ?? null, held[name] ?? null, columns[name] === 'email'));
  const columnOf = (from: string): string => Object.keys(columns).find((name) => columns[name] === from) ?? from;
  if (expected.optedIn !== null && expected.optedIn !== found.optedIn) names.push(columnOf('emailConsent'));
  const { smsOptedIn = null } = expected;
  if (smsOptedIn !== null && smsOptedIn !== (found.smsOptedIn ?? false)) names.push(columnOf('smsConsent'));
  return names;
}

function alike(wanted: Json, held: Json, isEmail: boolean): boolean {
  if (wanted === null || held === null) return wanted === held;
  if (typeof wanted === 'object' || typeof held === 'object') return canonical(wanted) === canonical(held);
  const [a, b] = [String(wanted).trimEnd(), String(held).trimEnd()];
  if (a === b || (isEmail && a.toLowerCase() === b.toLowerCase())) return true;
  if (NUMBER.test(a) && NUMBER.test(b) && Number(a) === Number(b)) return typeof wanted === 'number' || typeof held === 'number';
  if (typeof held === 'boolean') return held === TRUE.has(a.toLowerCase()) && (held || FALSE.has(a.toLowerCase()));
  const time = parseTime(a);
  return time !== null && time === parseTime(b);
}

const NUMBER = /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
/** What Postgres reads as a boolean. */
const TRUE = new Set(['t', 'true', 'y', 'yes', 'on', '1']);
const FALSE = new Set(['f', 'false', 'n', 'no', 'off', '0']);

/** JSON with sorted names; one that stands in a column of text is read first. */
function canonical(value: Json): string {
  let read: unknown = value;
  if (typeof value === 'string') {
    try {
      read = JSON.parse(value);
    } catch {
      return JSON.stringify(value);
    }
  }
  return JSON.stringify(read, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one);
}
