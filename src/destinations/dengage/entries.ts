import type { OutgoingRow } from '../contract.js';
import { isObject, pick, wordsOf } from './words.js';

/** One element of `errors` or `warnings`, in whatever form it came. */
export interface Entry {
  /** Text that is a contact_key. */
  readonly key: string | null;
  /** Text that may be a contact_key, or be led by one. */
  readonly loose: string | null;
  readonly index: number | null;
  readonly message: string;
}

/** A bare number of rows, or rows to be found again. */
export type Reported = { readonly count: number } | { readonly entries: readonly Entry[] };

const LISTS = ['errors', 'warnings', 'items', 'rows', 'records', 'details', 'list', 'contacts'] as const;

/**
 * Reads `errors` or `warnings` (unknown: the form of their elements) as a number, a list of texts or objects, or an
 * object keyed by contact_key. Returns null where it is none of these.
 */
export function readReported(value: unknown): Reported | null {
  if (value === undefined || value === null || value === '') return { entries: [] };
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? { count: value } : null;
  if (typeof value === 'string') return { entries: entriesOf(value) };
  if (Array.isArray(value)) return { entries: value.flatMap(entriesOf) };
  if (!isObject(value)) return null;
  if (keyIn(value) !== null || indexIn(value) !== null || Array.isArray(pick(value, 'contactKeys'))) return { entries: entriesOf(value) };
  const list = pick(value, ...LISTS);
  if (Array.isArray(list)) return readReported(list);
  const counted = pick(value, 'count', 'total');
  if (typeof counted === 'number') return readReported(counted);
  return { entries: Object.entries(value).map(([name, one]): Entry => ({ key: null, loose: name, index: /^\d{1,6}$/.test(name) ? Number(name) : null, message: wordsOf(one) })) };
}

function entriesOf(value: unknown): Entry[] {
  if (typeof value === 'string') return [{ key: null, loose: value, index: null, message: value }];
  if (!isObject(value)) return [{ key: null, loose: null, index: null, message: '' }];
  const message = wordsOf(value);
  const keys = pick(value, 'contactKeys', 'keys');
  if (Array.isArray(keys)) return keys.map((one) => ({ key: textOf(one), loose: null, index: null, message }));
  const key = keyIn(value);
  const index = indexIn(value);
  return [{ key, loose: key === null && index === null ? message : null, index, message }];
}

function keyIn(value: Readonly<Record<string, unknown>>): string | null {
  const own = textOf(pick(value, 'contact_key', 'key'));
  if (own !== null) return own;
  const inner = pick(value, 'contact', 'record', 'data', 'contactData');
  return isObject(inner) ? textOf(pick(inner, 'contact_key', 'key')) : textOf(pick(value, 'contact'));
}

function indexIn(value: Readonly<Record<string, unknown>>): number | null {
  const index = pick(value, 'index', 'row', 'rowIndex', 'rowNumber', 'position', 'line');
  return typeof index === 'number' && Number.isInteger(index) ? index : null;
}

/** unknown: whether the lists of inserted and updated hold keys, objects, or are counts. `keys` null: only the number is known. */
export interface Taken {
  readonly count: number;
  readonly keys: readonly string[] | null;
}

/** Reads `inserted` or `updated`; null where it is neither a list nor a number. */
export function readTaken(value: unknown): Taken | null {
  if (value === undefined || value === null) return { count: 0, keys: [] };
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? { count: value, keys: value === 0 ? [] : null } : null;
  if (isObject(value)) {
    const list = pick(value, 'contactKeys', 'keys', ...LISTS);
    return Array.isArray(list) ? readTaken(list) : readTaken(pick(value, 'count', 'total') ?? '');
  }
  if (!Array.isArray(value)) return null;
  const keys = value.map((one) => (isObject(one) ? (textOf(pick(one, 'new_contact_key')) ?? keyIn(one)) : textOf(one)));
  return { count: value.length, keys: keys.some((key) => key === null) ? null : (keys as string[]) };
}

/** Finds the row an entry speaks of; null where it is not exactly one. */
export type Finder = (entry: Entry) => OutgoingRow | null;

/**
 * A finder over the rows of a call. A contact_key names a row beyond doubt; a position only where it is sure whether
 * it counts from 0 or 1: by the positions themselves, or because only one way leaves out every row that was `taken`.
 */
export function finder(entries: readonly Entry[], rows: readonly OutgoingRow[], byKey: ReadonlyMap<string, OutgoingRow>, taken: ReadonlySet<OutgoingRow>): Finder {
  const indexes = entries.flatMap((entry) => (entry.index === null || named(entry, byKey) !== null ? [] : [entry.index]));
  const fits = (base: number): boolean => indexes.every((index) => {
    const row = rows[index - base];
    return row !== undefined && !taken.has(row);
  });
  const base = fits(0) === fits(1) ? null : fits(0) ? 0 : 1;
  return (entry) => {
    const row = named(entry, byKey);
    if (row !== null) return row;
    // One that names somebody who was not sent is not explained away by its position.
    return entry.index === null || entry.key !== null || base === null ? null : (rows[entry.index - base] ?? null);
  };
}

function named({ key, loose }: Entry, byKey: ReadonlyMap<string, OutgoingRow>): OutgoingRow | null {
  if (key !== null) return byKey.get(key) ?? null;
  if (loose === null) return null;
  const candidates = [
    loose,
    /^\s*["'[(]?(.+?)["'\])]?\s*(?::|=>|\||,| - )/.exec(loose)?.[1],
    // A number at the start of a sentence need not be a key ("255 characters at most").
    /^\s*(\S*[^\d\s]\S*)\s/.exec(loose)?.[1],
    /contact[_ ]?key\W{0,4}([^\s"',;)\]]+)/i.exec(loose)?.[1],
  ];
  for (const one of candidates) {
    const row = one === undefined ? undefined : byKey.get(one);
    if (row !== undefined) return row;
  }
  return null;
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' ? String(value) : null;
}
