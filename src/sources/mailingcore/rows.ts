import { parseTime } from '../../contacts/index.js';
import { compilePath, isRecord, keyText } from '../api/index.js';
import type { SourceRow } from '../contract.js';

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
  const readers = paths.map((path) => (path === OTHER_ATTRIBUTES ? (contact: Entry) => others(contact, named) : readerOf(path)));
  return (contact, latest, place) => {
    if (!isRecord(contact)) return { key: null, time: null, values: [], place, fault: 'not a contact' };
    const key = keyOf(contact);
    const values = readers.map((read) => read(contact));
    const { updatedAt } = contact;
    const time = typeof updatedAt === 'string' ? parseTime(updatedAt) : null;
    return time === null || time > latest ? { key, time: null, oddTime: true, values, place } : { key, time, values, place };
  };
}

/** Its externalId; of a contact that has none the platform's own id. Null where there is neither. */
export function keyOf(contact: unknown): string | null {
  if (!isRecord(contact)) return null;
  return keyText(contact['externalId']) ?? keyText(contact['id']);
}

/** An attribute whose own name has dots goes before a path into one. */
function readerOf(path: string): (contact: Entry) => unknown {
  if (!path.startsWith(ATTRIBUTE)) return compilePath(path);
  const read = compilePath(path.slice(ATTRIBUTE.length));
  return (contact) => read(contact['attributes']);
}

function others(contact: Entry, named: ReadonlySet<string>): unknown {
  const { attributes } = contact;
  return isRecord(attributes) ? Object.fromEntries(Object.entries(attributes).filter(([name]) => !named.has(name))) : undefined;
}
