import { parseTime } from '../../contacts/index.js';
import { alternatives, keyText } from '../api/index.js';
import type { SourceRow } from '../contract.js';

export const ID = 'Id';
/** doc: when a user or an automated process last changed the record; whole seconds are shown, and compared (seen). */
export const UPDATED_AT = 'SystemModstamp';
const IS_DELETED = 'IsDeleted';

/** Not a field: when the record was deleted, or was merged into another. */
const isDeletedAt = (column: string): boolean => column.toLowerCase() === 'deletedat';

/** Whether deleted records are to be read at all: without the column that tells them they would pass for living ones. */
export const readsDeleted = (columns: readonly string[]): boolean => columns.some(isDeletedAt);

/** The fields to ask for. doc: a field that is named twice refuses the query; upper and lower case are the same. */
export function fieldsOf(key: string, columns: readonly string[]): string[] {
  const named = columns.flatMap((column) => (isDeletedAt(column) ? [IS_DELETED] : alternatives(column)));
  const fields = new Map<string, string>();
  for (const field of [ID, UPDATED_AT, key, ...named]) if (!fields.has(field.toLowerCase())) fields.set(field.toLowerCase(), field);
  return [...fields.values()];
}

/** A field's value, `Account.Name` through the record it belongs to; answers spell names as Salesforce does (doc). */
function compileField(path: string): (record: unknown) => unknown {
  const steps = path.split('.');
  return (record) => steps.reduce<unknown>((at, step) => {
    if (typeof at !== 'object' || at === null) return null;
    const name = Object.hasOwn(at, step) ? step : Object.keys(at).find((other) => other.toLowerCase() === step.toLowerCase());
    return name === undefined ? null : (at as Record<string, unknown>)[name];
  }, record);
}

const isFilled = (value: unknown): boolean => value !== null && value !== undefined && value !== '';

/** When a record was last changed, as a cursor has it. */
export function timeOf(record: unknown): string | null {
  const value = (record as Record<string, unknown> | null)?.[UPDATED_AT];
  return typeof value === 'string' ? parseTime(value) : null;
}

/** The record's own id; null where it has none. */
export function idOf(record: unknown): string | null {
  return keyText((record as Record<string, unknown> | null)?.[ID]);
}

/** Compiles how a record becomes a row. Deleting a record and losing a merge set IsDeleted (doc) and its time (seen). */
export function rowReader(key: string, columns: readonly string[]): (record: unknown) => SourceRow {
  const keyOf = compileField(key);
  const picks = columns.map((column): ((record: unknown) => unknown) => {
    if (isDeletedAt(column)) return (record) => ((record as Record<string, unknown> | null)?.[IS_DELETED] === true ? timeOf(record) : null);
    const fields = alternatives(column).map(compileField);
    return (record) => fields.map((field) => field(record)).find(isFilled) ?? null;
  });
  return (record) => {
    const time = timeOf(record);
    const row = { key: keyText(keyOf(record)), time, values: picks.map((pick) => pick(record)) };
    return time === null ? { ...row, oddTime: true } : row;
  };
}
