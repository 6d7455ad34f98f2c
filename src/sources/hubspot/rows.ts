import { microTime, parseTime } from '../../contacts/index.js';
import { alternatives, keyText } from '../api/index.js';
import type { SourceRow } from '../contract.js';

/** A contact as HubSpot gives it: every property is text or null. */
export interface HubspotContact {
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly archivedAt?: unknown;
}

/** Not a property: when the contact was archived (deleted); only known of contacts that are. */
export const ARCHIVED_AT = 'archivedAt';
export const UPDATED_AT = 'lastmodifieddate';
export const ID = 'hs_object_id';

/** The properties to ask for, each once. */
export function propertiesOf(key: string, columns: readonly string[]): string[] {
  const named = columns.filter((column) => column !== ARCHIVED_AT).flatMap(alternatives);
  return [...new Set([ID, UPDATED_AT, key, ...named])];
}

/** The entries of `results`. One that is no contact stays, as a row without a key: it is counted as invalid, not lost. */
export function contactsOf(results: unknown): HubspotContact[] {
  if (!Array.isArray(results)) return [];
  return results.map((entry: unknown) => {
    const { id, properties, archivedAt } = (entry ?? {}) as { id?: unknown; properties?: unknown; archivedAt?: unknown };
    const isRecord = typeof properties === 'object' && properties !== null;
    return { id: keyText(id) ?? '', properties: isRecord ? (properties as Record<string, unknown>) : {}, archivedAt };
  });
}

/** doc: times come as ISO text; epoch milliseconds as text is what searches take, and is read too. */
function timeOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  return /^\d{12,14}$/.test(value) ? microTime(Number(value)) : parseTime(value);
}

/** Compiles how a contact becomes a row. An archived contact's time is that of its archiving. */
export function rowReader(key: string, columns: readonly string[]): (contact: HubspotContact) => SourceRow {
  const names = columns.map(alternatives);
  return ({ id, properties, archivedAt }) => {
    const archived = timeOf(archivedAt);
    const time = archived ?? timeOf(properties[UPDATED_AT]);
    const values = columns.map((column, at) =>
      column === ARCHIVED_AT ? archived : (names[at]!.map((name) => properties[name]).find((value) => value !== null && value !== undefined && value !== '') ?? null));
    const row = { key: keyText(key === ID ? id : properties[key]), time, values };
    return time === null ? { ...row, oddTime: true } : row;
  };
}
