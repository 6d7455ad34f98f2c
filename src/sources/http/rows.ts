import type { HttpSourceConfig } from '../../config/index.js';
import { maskPersonal } from '../../http/index.js';
import { compilePath, isRecord, keyText } from '../api/index.js';
import { SourceError, type SourceRow } from '../contract.js';
import { timeOf } from './times.js';

/** Compiles where the records of an answer are. An answer without any (null in their place) has none. */
export function compileItems(config: HttpSourceConfig): (body: unknown) => readonly unknown[] {
  const read = compilePath(config.items ?? '$');
  return (body) => {
    const items = read(body);
    if (Array.isArray(items)) return items;
    if (items === null) return [];
    const names = isRecord(body) ? `; it has ${maskPersonal(Object.keys(body).slice(0, 10).join(', '))}` : '';
    const where = config.items === undefined ? 'the answer' : `items ${config.items}`;
    throw new SourceError('misconfigured', `source ${config.name}: ${where} is no list${names}`, 'set items to the JSON path of the list of records');
  };
}

/** Compiles how a record is read. `now` is the server's clock, milliseconds; a time more than a second after it is not usable. */
export function compileRow(config: HttpSourceConfig, columns: readonly string[]): (item: unknown, place: string, now: number) => SourceRow {
  const key = compilePath(config.key);
  const updated = config.updatedAt === undefined ? null : compilePath(config.updatedAt);
  const { consentAt, deletedAt } = config.fields;
  const values = columns.map((column) => {
    const read = compilePath(column);
    if (column !== consentAt && column !== deletedAt) return read;
    // A contact's times are text; an API may count seconds or milliseconds.
    return (item: unknown): unknown => {
      const value = read(item);
      return typeof value === 'number' ? (timeOf(value) ?? value) : value;
    };
  });
  return (item, place, now) => {
    if (!isRecord(item)) return { key: null, time: null, values: [], place, fault: 'not a JSON object' };
    const row = { key: keyText(key(item)), values: values.map((read) => read(item)), place };
    if (updated === null) return { ...row, time: null };
    const time = timeOf(updated(item));
    return time === null || Date.parse(`${time.slice(0, 23)}Z`) > now + 1000 ? { ...row, time: null, oddTime: true } : { ...row, time };
  };
}
