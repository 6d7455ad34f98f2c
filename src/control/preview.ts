import type { FieldsConfig, SourceConfig } from '../config/index.js';
import { compileContactReader, type Contact } from '../contacts/index.js';
import { createSource } from '../sources/index.js';

/** What one record of a source became. It holds personal data: for the operator's own screen, never for a log. */
export interface PreviewRecord {
  readonly key: string | null;
  /** When it was last changed, by its source; null where that is not known. */
  readonly updatedAt: string | null;
  readonly place: string | null;
  /** null where the record is no contact: see `invalid`. */
  readonly contact: Contact | null;
  readonly invalid: string | null;
  readonly warnings: readonly string[];
  /** Contact field → where it came from, and the value as it stood there. */
  readonly from: Readonly<Record<string, { readonly column: string; readonly value: unknown }>>;
}

export interface PreviewDocument {
  readonly source: string;
  readonly type: SourceConfig['type'];
  readonly records: readonly PreviewRecord[];
}

/** Contact field (`attributes.NAME` for an attribute) → column. */
export function columnsOf(fields: FieldsConfig): Readonly<Record<string, string>> {
  const { attributes = {}, attributesFrom, ...own } = fields;
  return Object.fromEntries([
    ...Object.entries(own).flatMap(([field, mapped]) => (mapped === undefined ? [] : [[field, typeof mapped === 'string' ? mapped : mapped.column]])),
    ...Object.entries(attributes).map(([name, column]) => [`attributes.${name}`, column]),
    ...(attributesFrom === undefined ? [] : [['attributes', attributesFrom]]),
  ]) as Record<string, string>;
}

/**
 * Reads the first records of a source, as a first full run would, and stores nothing.
 * @throws SourceError
 */
export async function previewSource(config: SourceConfig, limit: number, signal: AbortSignal): Promise<PreviewDocument> {
  const reader = compileContactReader(config.fields, config.defaultCountry === undefined ? {} : { defaultCountry: config.defaultCountry });
  const small = { ...config, pageSize: Math.min(config.pageSize, limit) };
  const source = createSource(small, reader.columns);
  const columns = Object.entries(columnsOf(config.fields));
  const records: PreviewRecord[] = [];
  try {
    const plan = await source.begin({ kind: 'full', state: null }, signal);
    for await (const page of source.pages(plan, null, signal)) {
      for (const row of page.rows.slice(0, limit - records.length)) {
        const built = reader.read(row);
        records.push({
          key: row.key, updatedAt: row.time, place: row.place ?? null,
          ...('invalid' in built ? { contact: null, invalid: built.invalid, warnings: [] } : { contact: built.contact, invalid: null, warnings: built.warnings }),
          from: Object.fromEntries(columns.map(([field, column]) => [field, { column, value: row.values[reader.columns.indexOf(column)] ?? null }])),
        });
      }
      if (page.last || records.length >= limit) break;
    }
    return { source: config.name, type: config.type, records };
  } finally {
    await source.close();
  }
}
