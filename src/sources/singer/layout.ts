import type { SingerSourceConfig } from '../../config/index.js';
import { parseTime } from '../../contacts/index.js';
import { SourceError, type SourceRow } from '../contract.js';
import { tapWords } from './errors.js';
import { isMap } from './messages.js';

type Get = (record: Readonly<Record<string, unknown>>) => unknown;

/** Turns a record into a row. `place` is where it stands, for messages. */
export interface Layout {
  /** Whether rows have a time at all. */
  readonly timed: boolean;
  row(record: Readonly<Record<string, unknown>>, now: string, place: string): SourceRow;
}

/** What a JSON schema says a record has; null where it does not say. */
export function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> | null {
  return isMap(schema) && isMap(schema['properties']) && Object.keys(schema['properties']).length > 0 ? schema['properties'] : null;
}

/** The property a path starts at: names may hold dots themselves. */
export function topLevel(path: string, properties: Readonly<Record<string, unknown>>): string {
  return Object.hasOwn(properties, path) ? path : (path.split('.', 1)[0] as string);
}

/** Reads `address.city`, `phones.0`; a property of that very name goes first. Undefined where there is nothing. */
function getter(path: string): Get {
  if (!path.includes('.')) return (record) => record[path];
  const parts = path.split('.');
  return (record) => {
    if (Object.hasOwn(record, path)) return record[path];
    let value: unknown = record;
    for (const part of parts) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
      value = (value as Record<string, unknown>)[part];
    }
    return value;
  };
}

const DATED = /"format":"date(-time)?"/;

/** What a stream's SCHEMA message says, or a catalog; `keys` and `bookmarks` are empty where it says nothing. */
export interface StreamSchema {
  readonly schema: unknown;
  readonly keys: readonly string[];
  readonly bookmarks: readonly string[];
}

/**
 * Which parts of a record are what. The key defaults to the stream's key properties, the time to its bookmark where
 * that is a date by the schema (a bookmark may be a counter).
 * @throws SourceError where something that is mapped is not in the schema: it would be taken for cleared
 */
export function layoutOf(config: SingerSourceConfig, columns: readonly string[], stream: StreamSchema): Layout {
  const properties = propertiesOf(stream.schema);
  const keys = config.key === undefined ? stream.keys : [config.key];
  if (keys.length === 0) {
    throw new SourceError('misconfigured', `${tapWords(config)}: the stream "${config.stream}" names no key properties`, 'set key of the source to the property that tells contacts apart');
  }
  const bookmark = stream.bookmarks[0] ?? config.replicationKey;
  const dated = bookmark !== undefined && DATED.test(JSON.stringify(properties?.[bookmark] ?? null));
  const time = config.updatedAt ?? (dated ? bookmark : undefined);
  const open = isMap(stream.schema) && (stream.schema['additionalProperties'] === true || stream.schema['patternProperties'] !== undefined);
  if (properties !== null && !open) {
    const needed = [...new Set([...keys, ...(time === undefined ? [] : [time]), ...columns])];
    const missing = needed.filter((path) => !Object.hasOwn(properties, topLevel(path, properties)));
    if (missing.length > 0) {
      const names = Object.keys(properties);
      throw new SourceError(
        'misconfigured',
        `${tapWords(config)}: the stream "${config.stream}" has no property ${missing.map((name) => `"${name}"`).join(', ')}`,
        `it has ${names.slice(0, 60).join(', ')}${names.length > 60 ? ', …' : ''}; correct key, updatedAt or fields of the source, or select the property in the catalog`,
      );
    }
  }
  return compile(keys, time, columns);
}

function compile(keys: readonly string[], time: string | undefined, columns: readonly string[]): Layout {
  const keyParts = keys.map(getter);
  const timeAt = time === undefined ? null : getter(time);
  const values = columns.map(getter);
  return {
    timed: timeAt !== null,
    row: (record, now, place) => {
      const row = { key: keyOf(keyParts.map((get) => get(record))), values: values.map((get) => get(record)), place };
      if (timeAt === null) return { ...row, time: null };
      const written = timeAt(record);
      const parsed = typeof written === 'string' ? parseTime(written.trim()) : null;
      return parsed === null || parsed > now ? { ...row, time: null, oddTime: true } : { ...row, time: parsed };
    },
  };
}

/** One part as it is; several joined, so that no two lists of parts give the same text. */
function keyOf(parts: readonly unknown[]): string | null {
  const texts = parts.map((part) => (typeof part === 'string' ? part : typeof part === 'number' || typeof part === 'boolean' ? String(part) : ''));
  if (texts.includes('')) return null;
  return texts.length === 1 ? (texts[0] as string) : texts.map((text) => text.replace(/[\\|]/g, '\\$&')).join('|');
}
