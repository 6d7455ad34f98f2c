import type { ConsentField, FieldsConfig, Mapped, SourceConfig } from '../config/index.js';
import { compileContactReader, namesIn, type Contact } from '../contacts/index.js';
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

/** Contact field (`attributes.NAME` for an attribute) → what it is made of. */
function originsOf(fields: FieldsConfig): readonly (readonly [field: string, mapped: Mapped])[] {
  const { attributes = {}, attributesFrom, ...own } = fields;
  return [
    ...Object.entries<Mapped | ConsentField | undefined>(own).flatMap(([field, mapped]) =>
      mapped === undefined ? [] : [[field, typeof mapped === 'object' && 'column' in mapped ? mapped.column : mapped] as const]),
    ...Object.entries(attributes).map(([name, mapped]) => [`attributes.${name}`, mapped] as const),
    ...(attributesFrom === undefined ? [] : [['attributes', attributesFrom] as const]),
  ];
}

/** A field's origin in a word: the column, the template, or that it is a constant. */
function columnOf(mapped: Mapped): string {
  if (typeof mapped === 'string') return mapped;
  if ('const' in mapped) return 'a constant';
  return 'template' in mapped ? mapped.template : mapped.from;
}

/** The value of the one column a field is made of; of several an object of them. */
function valueOf(mapped: Mapped, read: (column: string) => unknown): unknown {
  if (typeof mapped === 'object' && 'const' in mapped) return mapped.const;
  const names = [...new Set(namesIn(mapped).map(({ name }) => name))];
  return names.length === 1 ? (read(names[0] as string) ?? null) : Object.fromEntries(names.map((name) => [name, read(name) ?? null]));
}

/**
 * Reads the first records of a source, as a first full run would, and stores nothing.
 * @throws SourceError
 */
export async function previewSource(config: SourceConfig, limit: number, signal: AbortSignal): Promise<PreviewDocument> {
  const reader = compileContactReader(config.fields, config.defaultCountry === undefined ? {} : { defaultCountry: config.defaultCountry });
  const small = { ...config, pageSize: Math.min(config.pageSize, limit) };
  const source = createSource(small, reader.columns);
  const origins = originsOf(config.fields);
  const records: PreviewRecord[] = [];
  try {
    const plan = await source.begin({ kind: 'full', state: null }, signal);
    for await (const page of source.pages(plan, null, signal)) {
      for (const row of page.rows.slice(0, limit - records.length)) {
        const built = reader.read(row);
        records.push({
          key: row.key, updatedAt: row.time, place: row.place ?? null,
          ...('invalid' in built ? { contact: null, invalid: built.invalid, warnings: [] } : { contact: built.contact, invalid: null, warnings: built.warnings }),
          from: Object.fromEntries(origins.map(([field, mapped]) => [field, { column: columnOf(mapped), value: valueOf(mapped, (column) => row.values[reader.columns.indexOf(column)]) }])),
        });
      }
      if (page.last || records.length >= limit) break;
    }
    return { source: config.name, type: config.type, records };
  } finally {
    await source.close();
  }
}
