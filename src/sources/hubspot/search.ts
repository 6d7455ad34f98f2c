import type { ReadPlan } from '../contract.js';
import { ID, UPDATED_AT } from './rows.js';

/** doc: at most 10,000 results a query, then 400; so no query is ever paged: each begins after the last id. */
export const SEARCH = '/crm/v3/objects/contacts/search';

/** Milliseconds since 1970 as text, as a search takes them; a bound within a millisecond goes to the one that misses nothing. */
export const epoch = (time: string, round: 'down' | 'up'): string =>
  String(Date.parse(`${time.slice(0, 23)}Z`) + (round === 'up' && time.slice(23, 26) !== '000' ? 1 : 0));

/**
 * The contacts of a plan whose id is greater than `after`, by id. The order of ids stays as it is while contacts
 * change, and any number of them may share one time.
 */
export function searchBody(plan: ReadPlan, after: string | null, limit: number, properties: readonly string[]): object {
  const filters: { propertyName: string; operator: string; value: string }[] = [];
  if (plan.from !== null) filters.push({ propertyName: UPDATED_AT, operator: 'GTE', value: epoch(plan.from, 'down') });
  if (plan.to !== null) {
    const window = plan.kind === 'window';
    filters.push({ propertyName: UPDATED_AT, operator: window ? 'LT' : 'LTE', value: epoch(plan.to, window ? 'up' : 'down') });
  }
  if (after !== null) filters.push({ propertyName: ID, operator: 'GT', value: after });
  return {
    ...(filters.length > 0 && { filterGroups: [{ filters }] }),
    sorts: [{ propertyName: ID, direction: 'ASCENDING' }],
    properties,
    limit,
  };
}

/** The greater of two ids. They are numbers beyond what a double holds. */
export function greaterId(a: string | null, b: string): string {
  return a === null || BigInt(b) > BigInt(a) ? b : a;
}

export const isId = (text: string): boolean => /^\d{1,19}$/.test(text);
