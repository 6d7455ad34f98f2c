import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { loadConfig, redactedConfig, type Config } from '../config/index.js';

/** The configuration as it is now: read again when its file changes, so that a worker need not be restarted. */
export class LiveConfig {
  private stamp: string;

  constructor(private config: Config) {
    this.stamp = stampOf(config.file);
  }

  /**
   * The checked configuration.
   * @throws ConfigError when the file was changed into one that does not hold
   */
  current(): Config {
    const stamp = stampOf(this.config.file);
    if (stamp !== this.stamp) {
      this.config = loadConfig({ path: this.config.file, cwd: this.config.directory, env: process.env });
      this.stamp = stamp;
    }
    return this.config;
  }
}

/** A configuration that is only in memory has no file to change. */
function stampOf(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs}:${size}:${ino}`;
  } catch {
    return 'none';
  }
}

const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

/** Names of what decides how a source's row becomes a destination's; pace, time-outs, schedules and secrets do not. */
const SOURCE_PARTS = ['type', 'table', 'query', 'path', 'key', 'defaultCountry', 'fields'];
const DESTINATION_PARTS = ['type', 'baseUrl', 'tenantId', 'matchBy'];
/** Of some types only: where there is none of it the hash stays what it was before there could be any. */
const DESTINATION_OWN_PARTS = ['columns', 'properties', 'listId', 'url', 'table', 'key', 'consentWords'];
const SYNC_PARTS = ['source', 'destination', 'filter', 'onDelete'];
const SOURCE_OWN_PARTS = ['stream', 'items', 'object'];
const SYNC_OWN_PARTS = ['mapping'];

/** What a run stores of its configuration, and the hashes that tell whether it changed. */
export function configurationOf(config: Config, sync: string): { readonly config: unknown; readonly mappingHash: string; readonly destinationHash: string } {
  const redacted = redactedConfig(config, sync);
  const pick = (from: object, names: readonly string[], own: readonly string[]): unknown =>
    [...names, ...own.filter((name) => name in from)].map((name) => (from as Record<string, unknown>)[name] ?? null);
  const { source, destination, sync: rules } = redacted.config;
  return {
    config: redacted.config,
    mappingHash: hash([pick(source, SOURCE_PARTS, SOURCE_OWN_PARTS), pick(destination, DESTINATION_PARTS, DESTINATION_OWN_PARTS), pick(rules, SYNC_PARTS, SYNC_OWN_PARTS)]),
    destinationHash: hash(destination),
  };
}
