import { createHash } from 'node:crypto';
import { isMapping } from './schema/helpers.js';
import { isSecretKey, maskUrl } from './show.js';
import type { Config } from './types.js';

/** A part of the configuration that may be stored and shown. */
export interface RedactedConfig {
  /** Source, destination and sync, without secrets. */
  readonly config: { readonly source: object; readonly destination: object; readonly sync: object };
  /** Sixteen hex digits of its SHA-256: the same as long as nothing but secrets changed. */
  readonly configHash: string;
}

/**
 * What a run stores of its configuration: the sync, its source and its destination, without keys, passwords and
 * the credentials in URLs.
 * @throws RangeError where there is no such sync
 */
export function redactedConfig(config: Pick<Config, 'sources' | 'destinations' | 'syncs'>, syncName: string): RedactedConfig {
  const sync = Object.hasOwn(config.syncs, syncName) ? config.syncs[syncName] : undefined;
  const source = sync && config.sources[sync.source];
  const destination = sync && config.destinations[sync.destination];
  if (sync === undefined || source === undefined || destination === undefined) throw new RangeError(`There is no sync named "${syncName}".`);
  const redacted = { source: redact(source), destination: redact(destination), sync: redact(sync) } as RedactedConfig['config'];
  const configHash = createHash('sha256').update(JSON.stringify(redacted)).digest('hex').slice(0, 16);
  return { config: redacted, configHash };
}

/** Their keys are names of contact fields and columns: one called `token` is no secret. */
const NAMES_ONLY = new Set(['fields', 'mapping', 'filter', 'locales', 'columns', 'properties']);

/** What another program is configured with: which of its values are secrets only that program knows. */
const OPAQUE = 'config';

const namesIn = (value: unknown): string[] => (isMapping(value) ? Object.keys(value).sort() : []);

/** A copy with sorted keys (so that their order in the file changes no hash), without secrets. */
function redact(value: unknown, path: readonly string[] = []): unknown {
  if (typeof value === 'string') return /url$/i.test(path.at(-1) ?? '') ? maskUrl(value) : value;
  if (Array.isArray(value)) return value.map((item) => redact(item, path));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => inner !== undefined && (path.some((part) => NAMES_ONLY.has(part)) || !isSecretKey([...path, key])))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, key === OPAQUE && path.length === 0 ? namesIn(inner) : redact(inner, [...path, key])]),
  );
}
