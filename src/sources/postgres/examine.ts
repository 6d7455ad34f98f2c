import { openSession } from './client.js';

/** A column as the catalogue has it. */
export interface ColumnFound {
  readonly name: string;
  readonly type: 'boolean' | 'time' | 'number' | 'text' | 'other';
  /** Whether the database promises that it names one row: it alone is the primary key, or unique and never NULL. */
  readonly unique: boolean;
}

/** A table or view somebody could read contacts from. */
export interface TableFound {
  /** Schema-qualified, as the configuration takes it. */
  readonly name: string;
  readonly columns: readonly ColumnFound[];
}

/** Most tables that are looked at: a warehouse may have many thousands. */
const MOST_TABLES = 500;

/**
 * The tables, views and foreign tables this role may read, with their columns; no row is read.
 * @throws SourceError where the server cannot be reached or refuses us
 */
export async function listTables(url: string, signal: AbortSignal): Promise<readonly TableFound[]> {
  const session = await openSession(url, signal);
  try {
    await session.begin();
    const rows = (await session.rows(`WITH relation AS (
        SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'syncline')
          AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        ORDER BY n.nspname <> 'public', n.nspname, c.relname LIMIT ${String(MOST_TABLES)})
      SELECT r.nspname::text, r.relname::text, a.attname::text, t.typcategory::text, t.typname::text,
        EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = 1
          AND i.indkey[0] = a.attnum AND (i.indisprimary OR a.attnotnull))
      FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
      ORDER BY r.nspname <> 'public', r.nspname, r.relname, a.attnum`)) as [string, string, string, string, string, boolean][];
    const tables = new Map<string, ColumnFound[]>();
    for (const [schema, table, name, category, type, unique] of rows) {
      const full = `${partOf(schema)}.${partOf(table)}`;
      const columns = tables.get(full) ?? [];
      tables.set(full, columns);
      columns.push({ name, type: typeOf(category, type), unique });
    }
    return [...tables].map(([name, columns]) => ({ name, columns }));
  } finally {
    await session.close();
  }
}

/** A part of a table's name, quoted only where the configuration could not tell where it ends. */
function partOf(name: string): string {
  return /[."]|^\s|\s$/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

/** Times an `updatedAt` may be of; a time of day is none. */
const TIMES = new Set(['timestamptz', 'timestamp', 'date']);

function typeOf(category: string, type: string): ColumnFound['type'] {
  if (TIMES.has(type)) return 'time';
  return category === 'B' ? 'boolean' : category === 'N' ? 'number' : category === 'S' || category === 'E' ? 'text' : 'other';
}
