import { maskValues } from '../../http/index.js';
import type { OutgoingRow, RowFailure } from '../contract.js';
import { personalValues } from '../http/index.js';

/** What a body says about refused rows: a bare number, or entries to be found again among the rows sent. */
export type Reported = { readonly count: number } | { readonly entries: readonly Entry[] };

/** One refused row, in whatever form it came. */
interface Entry {
  readonly index: number | null;
  readonly email: string | null;
  readonly externalId: string | null;
  /** Text that may be a key or an e-mail, or hold one. */
  readonly loose: string | null;
  readonly code: string | null;
  readonly message: string;
}

/**
 * Reads `failed` (unknown: its form) as a number, an array of rows or texts, or an object keyed by index, key or e-mail.
 * Returns null where it is none of these.
 */
export function readFailed(value: unknown): Reported | null {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? { count: value } : null;
  if (Array.isArray(value)) return { entries: value.map((one) => entryOf(one, null)) };
  if (typeof value === 'object' && value !== null) {
    const nested = value as Record<string, unknown>;
    if (typeof nested['count'] === 'number') {
      const rows = nested['rows'] ?? nested['items'] ?? nested['errors'] ?? nested['contacts'];
      return Array.isArray(rows) && rows.length === nested['count'] ? readFailed(rows) : readFailed(nested['count']);
    }
    return { entries: Object.entries(nested).map(([name, one]) => entryOf(one, name)) };
  }
  return null;
}

/**
 * Finds the row of each entry. Returns null as soon as one cannot be tied to exactly one row: then nobody may be
 * rejected on this answer. Several entries of one row make one failure.
 */
export function matchRows(entries: readonly Entry[], rows: readonly OutgoingRow[]): RowFailure[] | null {
  if (entries.length === 0) return [];
  const find = finder(entries, rows);
  const failures = new Map<number, RowFailure>();
  for (const entry of entries) {
    const row = find(entry);
    if (row === null) return null;
    if (failures.has(row.ord)) continue;
    const reason = maskValues(entry.message, personalValues(row));
    failures.set(row.ord, { ord: row.ord, code: codeOf(entry, reason), reason: reason === '' ? 'refused without a reason' : reason });
  }
  return [...failures.values()].sort((a, b) => a.ord - b.ord);
}

/** E-mail and externalId name a row beyond doubt; an index only where it is sure whether it counts from 0 or 1. */
function finder(entries: readonly Entry[], rows: readonly OutgoingRow[]): (entry: Entry) => OutgoingRow | null {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const byEmail = new Map<string, OutgoingRow[]>();
  for (const row of rows) {
    const email = emailOf(row)?.toLowerCase();
    if (email === undefined) continue;
    const held = byEmail.get(email);
    if (held === undefined) byEmail.set(email, [row]);
    else held.push(row);
  }
  const indexes = entries.flatMap((entry) => (entry.index === null ? [] : [entry.index]));
  const fromZero = indexes.includes(0);
  const fromOne = indexes.includes(rows.length);
  const base = fromZero === fromOne ? null : fromZero ? 0 : 1;
  const at = (index: number, from: number): OutgoingRow | null => rows[index - from] ?? null;

  const byAddress = (text: string, index: number | null): OutgoingRow | null => {
    const held = byEmail.get(text.toLowerCase()) ?? [];
    if (held.length <= 1 || index === null) return held.length === 1 ? (held[0] ?? null) : null;
    const picked = held.filter((row) => row === at(index, 0) || row === at(index, 1));
    return picked.length === 1 ? (picked[0] ?? null) : null;
  };
  return (entry) => {
    const keyed = entry.externalId === null ? null : (byKey.get(entry.externalId) ?? null);
    const addressed = entry.email === null ? null : byAddress(entry.email, entry.index);
    // Key and e-mail of two rows: perhaps the holder of a taken e-mail is named. Nobody can tell who was refused.
    if (keyed !== null && addressed !== null && keyed !== addressed) return null;
    if (keyed !== null || addressed !== null) return keyed ?? addressed;
    // An entry that names somebody who was not sent is not explained away by its index.
    if (entry.index !== null && entry.externalId === null && entry.email === null) return base === null ? null : at(entry.index, base);
    if (entry.loose === null) return null;
    const named = byKey.get(entry.loose) ?? byAddress(entry.loose, null);
    if (named !== null) return named;
    const inside = /[^\s"'<>(),;:]{1,100}@[^\s"'<>(),;:]{1,255}/.exec(entry.loose.slice(0, 2000));
    return inside === null ? null : byAddress(inside[0], null);
  };
}

function entryOf(value: unknown, name: string | null): Entry {
  const named = name !== null && /^\d{1,7}$/.test(name) ? { index: Number(name), loose: null } : { index: null, loose: name };
  if (typeof value === 'number' && name === null) return { ...NOTHING, index: value };
  if (typeof value === 'string') return { ...NOTHING, ...named, loose: named.loose ?? (name === null ? value : null), message: value };
  if (typeof value !== 'object' || value === null) return { ...NOTHING, ...named };
  const row = value as Record<string, unknown>;
  const contact = typeof row['contact'] === 'object' && row['contact'] !== null ? (row['contact'] as Record<string, unknown>) : {};
  const index = row['index'] ?? row['row'] ?? row['position'];
  return {
    index: typeof index === 'number' && Number.isInteger(index) ? index : named.index,
    email: textOf(row['email'] ?? contact['email']),
    externalId: textOf(row['externalId'] ?? row['external_id'] ?? contact['externalId']),
    loose: named.loose ?? textOf(row['id'] ?? row['key']),
    code: textOf(row['code']),
    message: wordsOf(row['message'] ?? row['error'] ?? row['reason'] ?? row['errors'] ?? row['detail']),
  };
}

const NOTHING: Entry = { index: null, email: null, externalId: null, loose: null, code: null, message: '' };

/** Words in whatever form: a text, a list of them, an object with a message. */
export function wordsOf(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value;
  if (depth > 2) return '';
  if (Array.isArray(value)) return value.slice(0, 5).map((one) => wordsOf(one, depth + 1)).filter((one) => one !== '').join('; ');
  if (typeof value !== 'object' || value === null) return '';
  const { message, error, reason, detail, title, constraints } = value as Record<string, unknown>;
  return wordsOf(message ?? detail ?? error ?? reason ?? title ?? (typeof constraints === 'object' && constraints !== null ? Object.values(constraints) : ''), depth + 1);
}

/** Short and stable, for grouping: from what the reason speaks of, else the platform's own code. */
function codeOf(entry: Entry, reason: string): string {
  const words = reason.toLowerCase();
  if (/another contact|already (?:belongs|exists|in use|taken)|duplicate|conflict/.test(words)) return words.includes('externalid') ? 'external_id_taken' : 'email_taken';
  if (words.includes('email') || words.includes('e-mail')) return 'invalid_email';
  if (words.includes('locale')) return 'invalid_locale';
  if (words.includes('externalid')) return 'invalid_external_id';
  if (entry.code !== null && /^[A-Za-z][\w.-]{1,39}$/.test(entry.code)) return entry.code.toLowerCase();
  return 'refused';
}

/** The e-mail of a row; null where it has none. */
export function emailOf(row: OutgoingRow): string | null {
  // `fields` begins with the e-mail where there is one; parsing the rest would cost a batch of 1,000 for one refused row.
  const match = /^\{"email":("(?:[^"\\]|\\.)*")/.exec(row.fields);
  return match?.[1] === undefined ? null : (JSON.parse(match[1]) as string);
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' ? String(value) : null;
}
