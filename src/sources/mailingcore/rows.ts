import { parseTime } from '../../contacts/index.js';
import type { SourceRow } from '../contract.js';
import { isObject } from './json.js';

/** The column that holds every attribute no other column names. */
export const OTHER_ATTRIBUTES = 'attributes.*';
const ATTRIBUTE = 'attributes.';

type Entry = Readonly<Record<string, unknown>>;

/**
 * Compiles what makes a row of a contact as the platform shows it. Columns are paths (`email`, `attributes.city`,
 * `attributes.address.city`; an attribute whose own name has dots goes first; a `$.` before it says the same), or {@link OTHER_ATTRIBUTES}.
 */
export function compileRows(columns: readonly string[]): (contact: unknown, latest: string, place: string) => SourceRow {
  const paths = columns.map((column) => (column.startsWith('$.') ? column.slice(2) : column));
  const attributes = paths.filter((path) => path.startsWith(ATTRIBUTE)).map((path) => path.slice(ATTRIBUTE.length));
  const named = new Set(attributes.flatMap((path) => [path, path.split('.')[0]!]));
  const readers = paths.map((path) => (path === OTHER_ATTRIBUTES ? (contact: Entry) => others(contact, named) : (contact: Entry) => valueAt(contact, path)));
  return (contact, latest, place) => {
    if (!isObject(contact)) return { key: null, time: null, values: [], place, fault: 'not a contact' };
    const key = keyOf(contact);
    const values = readers.map((read) => read(contact));
    const { updatedAt } = contact;
    const time = typeof updatedAt === 'string' ? parseTime(updatedAt) : null;
    return time === null || time > latest ? { key, time: null, oddTime: true, values, place } : { key, time, values, place };
  };
}

/** Its externalId; of a contact that has none the platform's own id. Null where there is neither. */
export function keyOf(contact: unknown): string | null {
  if (!isObject(contact)) return null;
  return textOf(contact['externalId']) ?? textOf(contact['id']);
}

function textOf(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

function valueAt(contact: Entry, path: string): unknown {
  if (path.startsWith(ATTRIBUTE)) {
    const attributes = own(contact, 'attributes');
    const whole = own(attributes, path.slice(ATTRIBUTE.length));
    if (whole !== undefined) return whole;
  }
  return path.split('.').reduce<unknown>(own, contact);
}

function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function others(contact: Entry, named: ReadonlySet<string>): unknown {
  const attributes = own(contact, 'attributes');
  return isObject(attributes) ? Object.fromEntries(Object.entries(attributes).filter(([name]) => !named.has(name))) : undefined;
}
