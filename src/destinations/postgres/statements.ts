import type { PostgresDestinationConfig } from '../../config/index.js';
import type { Json } from '../../contacts/index.js';
import { CONSENT } from '../contract.js';
import type { ConsentCode, OutgoingRow } from '../contract.js';
import { isConsent } from './config.js';
import type { Column, Table } from './table.js';

/** Rows that write the same columns, as one statement takes them. */
export interface Group {
  readonly columns: readonly Column[];
  /** Each with `k` for the key and `c0`, `c1`, … for the columns. */
  readonly records: Readonly<Record<string, Json>>[];
}

/** What stands for a consent in a column. */
export function consentValue(code: ConsentCode, column: Column, words: PostgresDestinationConfig['consentWords']): Json {
  const name = code === CONSENT.granted ? 'granted' : code === CONSENT.denied ? 'denied' : 'unknown';
  if (words !== undefined) return words[name] ?? null;
  if (column.category !== 'B') return name;
  return name === 'unknown' ? null : name === 'granted';
}

/**
 * Sorts rows by the columns they write: a field the source does not map and a consent nobody knows anything of leave
 * their column alone, also in rows that share a call with others. As a rule there is one group.
 */
export function groupsOf(rows: readonly OutgoingRow[], table: Table, config: PostgresDestinationConfig): Group[] {
  const consents = Object.entries(config.columns).flatMap(([name, from]) => (isConsent(from) ? [{ from, column: table.columns.get(name) as Column }] : []));
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const values = new Map<Column, Json>();
    for (const [name, value] of Object.entries(JSON.parse(row.fields) as Record<string, Json>)) {
      const column = table.columns.get(name);
      // A row may have waited since before its column was taken out of the configuration.
      if (column !== undefined) values.set(column, value);
    }
    for (const { from, column } of consents) {
      const code = row[from];
      if (code !== CONSENT.unmapped) values.set(column, consentValue(code, column, config.consentWords));
    }
    const columns = [...values.keys()];
    const shape = JSON.stringify(columns.map(({ name }) => name));
    const group = groups.get(shape) ?? { columns, records: [] };
    groups.set(shape, group);
    group.records.push({ k: row.key, ...Object.fromEntries([...values.values()].map((value, i) => [`c${i}`, value])) });
  }
  return [...groups.values()];
}

/** The records as a relation, each value read by its column's type and length: a text too long is an error, not cut off. */
function recordset(table: Table, columns: readonly Column[]): string {
  const names = columns.map(({ type }, i) => `, c${i} ${type}`).join('');
  return `jsonb_to_recordset($1::jsonb) AS r (k ${table.key.type}${names})`;
}

/**
 * Writes the records of a group; gives how many there were, and how many different keys they have in the database.
 *
 * Known rows are updated and unknown ones inserted, in one statement, instead of leaving both to ON CONFLICT: a row that
 * is there then takes no number of a sequence, fires no trigger of an insert and needs no value for the columns that
 * nobody maps. ON CONFLICT is for a row that somebody else inserts meanwhile.
 *
 * A row whose values are the same is not touched. They are compared as JSON, which every type has (`json` and `point`
 * cannot be compared otherwise), and which sees a change of letter case where the type would not.
 */
export function upsertSql(table: Table, columns: readonly Column[]): string {
  const { sql, key, updatedAt } = table;
  const into = [key, ...columns, ...(updatedAt === null ? [] : [updatedAt])].map((column) => column.sql).join(', ');
  const values = ['r.k', ...columns.map((_, i) => `r.c${i}`), ...(updatedAt === null ? [] : ['now()'])].join(', ');
  const from = (value: (column: Column, i: number) => string): { readonly set: string; readonly differs: string } => ({
    set: [...columns.map((column, i) => `${column.sql} = ${value(column, i)}`), ...(updatedAt === null ? [] : [`${updatedAt.sql} = now()`])].join(', '),
    differs: columns.map((column, i) => `to_jsonb(t.${column.sql}) IS DISTINCT FROM to_jsonb(${value(column, i)})`).join(' OR '),
  });
  const record = from((_, i) => `r.c${i}`);
  const excluded = from((column) => `excluded.${column.sql}`);
  const updating = columns.length === 0 ? '' : `u AS (UPDATE ${sql} AS t SET ${record.set} FROM r WHERE t.${key.sql} = r.k AND (${record.differs})), `;
  const conflict = columns.length === 0 ? 'NOTHING' : `UPDATE SET ${excluded.set} WHERE ${excluded.differs}`;
  return `WITH r AS MATERIALIZED (SELECT * FROM ${recordset(table, columns)}), ${updating}i AS (
  INSERT INTO ${sql} AS t (${into}) SELECT ${values} FROM r WHERE NOT EXISTS (SELECT FROM ${sql} AS o WHERE o.${key.sql} = r.k)
  ON CONFLICT (${key.sql}) DO ${conflict}
)
SELECT count(*)::int, count(DISTINCT k)::int FROM r`;
}

/** Deletes the records' rows. Two keys that are one lose nothing here, so the two counts are the same. */
export function eraseSql(table: Table): string {
  return `WITH r AS MATERIALIZED (SELECT * FROM ${recordset(table, [])}), d AS (DELETE FROM ${table.sql} AS t USING r WHERE t.${table.key.sql} = r.k)
SELECT count(*)::int, count(*)::int FROM r`;
}
