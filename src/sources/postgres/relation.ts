import type { PostgresSourceConfig } from '../../config/index.js';
import { quoteIdentifier, tableParts } from '../../postgres/index.js';
import { SourceError } from '../contract.js';
import type { Session } from './client.js';
import { rowTypes } from './client.js';

/** What a source reads from, as it stands in the database now. All parts are ready to be put into SQL. */
export interface Relation {
  /** For messages: `table public.contacts`, `query`. */
  readonly words: string;
  /** The FROM item, aliased `source`. */
  readonly from: string;
  readonly key: KeyColumn;
  readonly time: TimeColumn | null;
  /** Select list of the mapped columns. */
  readonly values: readonly string[];
  readonly columnCount: number;
}

export interface KeyColumn {
  readonly sql: string;
  /** Its own type: positions are compared in it, so that an index serves. */
  readonly type: string;
  readonly notNull: boolean;
}

export interface TimeColumn {
  readonly sql: string;
  /** What bounds are cast to. Dates and plain timestamps are taken as UTC and compared as timestamps. */
  readonly type: 'timestamptz' | 'timestamp';
  readonly notNull: boolean;
}

const TIME_TYPES: Readonly<Record<number, TimeColumn['type']>> = { 1184: 'timestamptz', 1114: 'timestamp', 1082: 'timestamp' };

/** A query as a FROM item: without its last semicolon, and safe against a comment at its end. */
function subquery(query: string): string {
  return `(${query.trim().replace(/;\s*$/, '')}\n)`;
}

/**
 * Looks the source up in the database and checks every column it is asked for.
 * @throws SourceError `misconfigured` naming what is missing and what is there
 */
export async function describeRelation(session: Session, config: PostgresSourceConfig, columns: readonly string[]): Promise<Relation> {
  const table = config.table === undefined ? null : tableParts(config.table).map(quoteIdentifier).join('.');
  const words = table === null ? 'the query' : `table ${config.table}`;
  const from = `${table ?? subquery(config.query ?? '')} AS source`;
  const { fields } = await session.guard(() =>
    session.client.query({ text: `SELECT * FROM ${from} LIMIT 0`, rowMode: 'array', types: rowTypes }),
  );
  const needed = [config.key, ...(config.updatedAt === undefined ? [] : [config.updatedAt]), ...columns];
  const missing = [...new Set(needed)].filter((name) => !fields.some((field) => field.name === name));
  if (missing.length > 0) {
    throw new SourceError(
      'misconfigured',
      `source ${config.name}: ${words} has no column ${missing.map((name) => `"${name}"`).join(', ')}`,
      `it has ${fields.map((field) => field.name).join(', ') || 'no columns'}; correct key, updatedAt and fields of the source`,
    );
  }
  const field = (name: string): (typeof fields)[number] => fields.find((candidate) => candidate.name === name)!;
  const notNull = table === null ? new Set<unknown>() : await notNullColumns(session, table);
  const key = field(config.key);
  const [[type]] = (await session.rows('SELECT format_type($1::oid, $2::int)', [key.dataTypeID, key.dataTypeModifier])) as [[string]];
  return {
    words,
    from,
    key: { sql: `source.${quoteIdentifier(config.key)}`, type, notNull: notNull.has(config.key) },
    time: config.updatedAt === undefined ? null : timeColumn(config, field(config.updatedAt).dataTypeID, notNull.has(config.updatedAt)),
    values: columns.map((name) => `source.${quoteIdentifier(name)}`),
    columnCount: fields.length,
  };
}

function timeColumn(config: PostgresSourceConfig, oid: number, notNull: boolean): TimeColumn {
  const name = config.updatedAt!;
  const type = TIME_TYPES[oid];
  if (type === undefined) {
    throw new SourceError(
      'misconfigured',
      `source ${config.name}: updatedAt column "${name}" is no time (timestamptz, timestamp or date)`,
      'name a column of such a type, use a query that casts it, or leave updatedAt out to read everything each run',
    );
  }
  return { sql: `source.${quoteIdentifier(name)}`, type, notNull };
}

/** Columns the catalog promises to be never NULL. */
async function notNullColumns(session: Session, table: string): Promise<Set<unknown>> {
  const rows = await session.rows('SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND attnotnull', [table]);
  return new Set(rows.map(([name]) => name));
}
