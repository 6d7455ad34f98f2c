import { maskValues } from '../../http/index.js';
import type { Outcome, OutgoingBatch, OutgoingRow, RowFailure, RowNote } from '../contract.js';
import { personalValues } from '../http/index.js';
import { erases, inserts } from './body.js';
import { finder, readReported, readTaken } from './entries.js';
import { isObject, pick } from './words.js';

/** An error that says the contact is not held, as opposed to a value or column that is not. */
const ABSENT = /\bnot\s+(?:be\s+)?found\b|\b(?:does\s*n[o'’]t|do\s+not|not)\s+exists?\b|\bno\s+such\s+(?:contact|record|key)\b|\bunknown\s+contact/i;
const OF_A_VALUE = /\bcolumns?\b|\bfields?\b|\bvalues?\b|\bdomain\b/i;

const NOT_HELD = { code: 'not_in_master_contact', reason: 'not in master_contact (insertIfNotExists is false)' } as const;

/** The part of a body that tells what became of the records: `data` (seen), or the body itself; null: there is none. */
export function summaryIn(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | null {
  for (const candidate of [pick(body, 'data'), pick(body, 'result'), body]) {
    if (isObject(candidate) && ['inserted', 'updated'].some((name) => pick(candidate, name) !== undefined)) return candidate;
  }
  return null;
}

/**
 * What the lists of a summary mean for the rows (pure). Nobody is rejected on an answer that does not tie every error
 * to one row, and nobody counts as delivered that a complete list does not name.
 */
export function outcomeOfSummary(summary: Readonly<Record<string, unknown>>, batch: OutgoingBatch, options: { readonly insertIfNotExists: boolean }, status: number): Outcome {
  const { rows } = batch;
  const inserted = readTaken(pick(summary, 'inserted'));
  const updated = readTaken(pick(summary, 'updated'));
  const accepted = (inserted?.count ?? 0) + (updated?.count ?? 0);
  const unclear = (message: string): Outcome => ({ kind: 'unclear', accepted: Math.min(accepted, rows.length), message, httpStatus: status });
  if (inserted === null || updated === null) return unclear('inserted or updated is neither a list nor a number');

  const byKey = keysOf(rows);
  const taken = takenRows(inserted.keys, updated.keys, byKey);
  const reported = readReported(pick(summary, 'errors'));
  if (reported === null) return unclear('errors is neither a list nor a number');
  if ('count' in reported && reported.count > 0) return unclear(`${reported.count} of ${rows.length} records failed, it does not say which`);
  const entries = 'entries' in reported ? reported.entries : [];
  const find = finder(entries, rows, byKey, taken ?? new Set());
  const failures = new Map<OutgoingRow, string>();
  for (const { row, message } of entries.map((entry) => ({ row: find(entry), message: entry.message }))) {
    if (row === null) return unclear('an error cannot be tied to one record');
    if (!failures.has(row)) failures.set(row, message);
  }

  const absent = new Set<OutgoingRow>();
  const failed: RowFailure[] = [];
  const inserting = inserts(batch, options);
  for (const [row, message] of failures) {
    if (!inserting && ABSENT.test(message) && !OF_A_VALUE.test(message)) absent.add(row);
    else failed.push(failureOf(row, message));
  }
  const unnamed = taken === null ? rows.length - accepted - failures.size : rows.filter((row) => !taken.has(row) && !failures.has(row)).length;
  if (unnamed < 0 || (unnamed > 0 && (taken === null || inserting))) {
    return unclear(`inserted, updated and errors make ${accepted + failures.size}, ${rows.length} records were sent`);
  }
  // A call that makes nobody leaves out those who are not there.
  if (taken !== null) for (const row of rows) if (!taken.has(row) && !failures.has(row)) absent.add(row);
  return answered(batch, failed, absent, notesOf(summary, rows, byKey), options, status);
}

function answered(batch: OutgoingBatch, failed: RowFailure[], absent: ReadonlySet<OutgoingRow>, warnings: readonly RowNote[], options: { readonly insertIfNotExists: boolean }, status: number): Outcome {
  const again: number[] = [];
  for (const row of absent) {
    // Who is not there has nothing to erase.
    if (erases(batch)) continue;
    // A rename of somebody who is not there is sent again as an ordinary row, which insertIfNotExists then decides.
    if (options.insertIfNotExists || batch.form.renames) again.push(row.ord);
    else failed.push({ ord: row.ord, ...NOT_HELD });
  }
  failed.sort((a, b) => a.ord - b.ord);
  again.sort((a, b) => a - b);
  return { kind: 'answered', failed, ...(again.length > 0 && { absent: again }), ...(warnings.length > 0 && { warnings }), httpStatus: status };
}

/** Warnings that name a record; one that does not cannot be kept with anybody, and changes nothing. */
function notesOf(summary: Readonly<Record<string, unknown>>, rows: readonly OutgoingRow[], byKey: ReadonlyMap<string, OutgoingRow>): RowNote[] {
  const reported = readReported(pick(summary, 'warnings'));
  const entries = reported !== null && 'entries' in reported ? reported.entries : [];
  const find = finder(entries, rows, byKey, new Set());
  return entries.flatMap((entry) => {
    const row = find(entry);
    return row === null || entry.message === '' ? [] : [{ ord: row.ord, reason: reasonOf(row, entry.message) }];
  });
}

/** In a renaming call a record may be named by its former or its new key; a key that is one's former and another's new one names nobody. */
function keysOf(rows: readonly OutgoingRow[]): ReadonlyMap<string, OutgoingRow> {
  const byKey = new Map<string, OutgoingRow>();
  const ambiguous = new Set<string>();
  for (const row of rows) {
    for (const key of row.previousKey === null ? [row.key] : [row.previousKey, row.key]) {
      if (byKey.has(key) && byKey.get(key) !== row) ambiguous.add(key);
      byKey.set(key, row);
    }
  }
  for (const key of ambiguous) byKey.delete(key);
  return byKey;
}

/** The rows both lists name; null where one of them does not name everybody it counts. */
function takenRows(inserted: readonly string[] | null, updated: readonly string[] | null, byKey: ReadonlyMap<string, OutgoingRow>): ReadonlySet<OutgoingRow> | null {
  if (inserted === null || updated === null) return null;
  const rows = [...inserted, ...updated].map((key) => byKey.get(key));
  return rows.includes(undefined) ? null : new Set(rows as OutgoingRow[]);
}

function failureOf(row: OutgoingRow, message: string): RowFailure {
  const reason = reasonOf(row, message);
  return { ord: row.ord, code: codeOf(reason), reason: reason === '' ? 'refused without a reason' : reason };
}

/** What is said of a row, without its contact's data, and without the key it may be led by: a reason is counted and retried as one. */
function reasonOf(row: OutgoingRow, message: string): string {
  let reason = message.trim();
  for (const key of [row.key, row.previousKey]) {
    if (key === null || !reason.replace(/^["'[(]/, '').startsWith(key)) continue;
    const rest = reason.replace(/^["'[(]/, '').slice(key.length);
    const parted = /^["'\])]?\s*(?::|=>|\||,| - )\s*(?=\S)/.exec(rest);
    if (parted !== null) reason = rest.slice(parted[0].length);
  }
  return maskValues(reason, personalValues(row));
}

/** Short and stable, for grouping: from what the reason speaks of. */
function codeOf(reason: string): string {
  const words = reason.toLowerCase();
  if (words.includes('permission')) return 'invalid_permission';
  if (/new_contact_key|already exists|duplicate/.test(words)) return 'key_taken';
  if (/e-?mail/.test(words)) return 'invalid_email';
  if (/gsm|phone|mobile/.test(words)) return 'invalid_gsm';
  if (/date/.test(words)) return 'invalid_date';
  return /contact_?key/.test(words) ? 'invalid_key' : 'refused';
}
