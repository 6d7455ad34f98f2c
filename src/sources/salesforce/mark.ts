import { idOf, timeOf } from './fields.js';
import type { Mark } from './soql.js';

/**
 * The mark after a page. A query is sorted by time and id, but nothing is lost where one is not: out of order within a
 * second, its ids are no mark; once a page is older than the one before, there is no mark at all.
 * doc: ids ascend by digits, capitals, small letters, like their characters. unknown: whether that holds everywhere.
 * @param to the plan's bound: what changed since the query was made is beyond it, and out of place
 */
export function advance<T extends Mark & { readonly ordered: boolean }>(at: T, records: readonly unknown[], to: string | null): T {
  if (!at.ordered) return at;
  const placed = records.map((record) => ({ time: timeOf(record), id: idOf(record) })).filter(({ time }) => time !== null && (to === null || time <= to));
  const times = placed.map(({ time }) => time!);
  if (times.length === 0) return at;
  const greatest = times.reduce((a, b) => (a >= b ? a : b));
  const least = times.reduce((a, b) => (a <= b ? a : b));
  if (at.time !== null && least < at.time) return { ...at, time: null, id: null, ordered: false };
  const ids = placed.filter(({ time }) => time === greatest).map(({ id }) => id);
  const unclear = at.time === greatest && at.id === null;
  const before = at.time === greatest ? at.id : null;
  const ascending = ids.every((id, i) => id !== null && id > (ids[i - 1] ?? before ?? ''));
  return { ...at, time: greatest, id: ascending && !unclear ? ids.at(-1)! : null };
}
