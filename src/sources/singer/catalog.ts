import type { SingerSourceConfig } from '../../config/index.js';
import { SourceError } from '../contract.js';
import { tapWords } from './errors.js';
import { isMap } from './messages.js';
import { propertiesOf, topLevel } from './layout.js';

const SHOWN = 20;

interface Metadata {
  readonly breadcrumb: readonly string[];
  readonly metadata: Record<string, unknown>;
}

export interface Selected {
  /** The whole catalog with the one stream selected, as JSON text. */
  readonly text: string;
  /** What its messages may call the stream. */
  readonly names: readonly string[];
}

const nameOf = (entry: Readonly<Record<string, unknown>>): string => String(entry['tap_stream_id'] ?? entry['stream']);

/** The stream of a catalog (its `tap_stream_id`, or its name). @throws SourceError naming the streams there are */
export function findStream(config: SingerSourceConfig, catalog: unknown): Readonly<Record<string, unknown>> {
  const entries = streamsOf(catalog);
  const { stream } = config;
  const found = entries.find((entry) => entry['tap_stream_id'] === stream) ?? entries.find((entry) => entry['stream'] === stream);
  if (found !== undefined) return found;
  const names = entries.map(nameOf);
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  throw new SourceError('misconfigured', `${tapWords(config)}: it has no stream "${stream}"`, names.length === 0 ? 'its catalog is empty: see what its user may read' : `it has ${names.slice(0, SHOWN).join(', ')}${more}; correct stream`);
}

function streamsOf(catalog: unknown): Readonly<Record<string, unknown>>[] {
  const streams = isMap(catalog) ? catalog['streams'] : undefined;
  return Array.isArray(streams) ? streams.filter(isMap) : [];
}

/**
 * Selects one stream of a discovered catalog, with the properties that are needed, and no other stream. Written both
 * as metadata and, for older taps, into the schema. What else a stream delivers is left to the tap.
 * @throws SourceError where there is no such stream
 */
export function selectStream(config: SingerSourceConfig, catalog: unknown, needed: readonly string[]): Selected {
  const chosen = findStream(config, catalog);
  const streams = streamsOf(catalog).map((entry) => withSelection(entry, entry === chosen, config.replicationKey, needed));
  return { text: JSON.stringify({ ...(catalog as object), streams }), names: namesOf(config, chosen) };
}

/** What the messages of a stream may call it: its name is not always its id. */
export function namesOf(config: SingerSourceConfig, entry: Readonly<Record<string, unknown>>): readonly string[] {
  return [...new Set([config.stream, nameOf(entry), ...(typeof entry['stream'] === 'string' ? [entry['stream']] : [])])];
}

function withSelection(entry: Readonly<Record<string, unknown>>, selected: boolean, replicationKey: string | undefined, needed: readonly string[]): object {
  const all = Array.isArray(entry['metadata']) ? (entry['metadata'] as Metadata[]).map((item) => ({ ...item, metadata: { ...item.metadata } })) : [];
  const at = (breadcrumb: readonly string[]): Record<string, unknown> => {
    const known = all.find((item) => item.breadcrumb.length === breadcrumb.length && item.breadcrumb.every((part, i) => part === breadcrumb[i]));
    if (known !== undefined) return known.metadata;
    const made = { breadcrumb, metadata: {} };
    all.push(made);
    return made.metadata;
  };
  const schema = isMap(entry['schema']) ? entry['schema'] : {};
  const stream = at([]);
  stream['selected'] = selected;
  if (!selected) return { ...entry, schema: { ...schema, selected: false }, metadata: all };
  const incremental = replicationKey !== undefined;
  if (incremental) Object.assign(stream, { 'replication-method': 'INCREMENTAL', 'replication-key': replicationKey });
  const properties = propertiesOf(schema) ?? {};
  const names = new Set([...needed, ...(incremental ? [replicationKey] : [])].map((path) => topLevel(path, properties)));
  for (const name of names) at(['properties', name])['selected'] = true;
  return {
    ...entry,
    ...(incremental ? { replication_method: 'INCREMENTAL', replication_key: replicationKey } : {}),
    schema: { ...schema, selected: true },
    metadata: all,
  };
}
