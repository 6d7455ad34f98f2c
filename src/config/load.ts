import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { z } from 'zod';
import { checkAccounts, checkCampaigns, checkColumns, checkFilters, checkMappings, checkNames } from './agree.js';
import { DESTINATION_TYPES } from './destinations/index.js';
import { readTree } from './document.js';
import { ConfigError } from './mistakes.js';
import { check, checkEntries, entriesOf } from './parse.js';
import { Report } from './report.js';
import { alerts, buildAlerts } from './schema/alerts.js';
import { buildRetention, buildTemporal, database, retention, temporal, temporalRules } from './schema/connections.js';
import { block, isMapping } from './schema/helpers.js';
import { buildSync, sync } from './schema/sync.js';
import { SOURCE_TYPES } from './sources/index.js';
import type { Config, SyncConfig } from './types.js';

/** The name a configuration file has where nobody names it. */
export const DEFAULT_FILE = 'syncline.yaml';

export interface LoadRequest {
  /** From `--config`; relative to `cwd`. */
  readonly path?: string;
  readonly cwd: string;
  /** Read for SYNCLINE_CONFIG and for the placeholders of the file. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const root = block({
  version: z.literal(1, { error: '1' }),
  database: database.optional(),
  temporal: temporal.optional(),
  retention: retention.optional(),
  alerts: alerts.optional(),
  sources: z.unknown().optional(),
  destinations: z.unknown().optional(),
  syncs: z.unknown().optional(),
});

/**
 * Reads, checks and completes the configuration. Connects nowhere; of other files it reads only those of
 * `${file:PATH}`.
 * @throws ConfigError with every mistake of the file at once, also where there is no file
 */
export function loadConfig(request: LoadRequest): Config {
  const { file, shown, text } = readConfigFile(request);
  return parseConfig(text, { file, shown, env: request.env });
}

/**
 * The text of a configuration file, checked and completed.
 * @param place.file absolute path: relative paths start at its folder
 * @param place.shown the file's name in messages
 * @throws ConfigError with every mistake at once
 */
export function parseConfig(
  text: string,
  { file, shown, env }: { readonly file: string; readonly shown: string; readonly env: LoadRequest['env'] },
): Config {
  const directory = dirname(file);
  const tree = readTree(text, { env, directory });
  const report = new Report(shown, tree);
  // Nothing more can be said about a file that is no YAML, or about an empty one.
  if (tree.findings.some(({ path }) => path.length === 0)) report.end();
  const raw = tree.value;
  if (!isMapping(raw)) {
    report.add([], raw === null ? 'an empty file' : 'no mapping', 'version, sources, destinations and syncs', `${DEFAULT_FILE} can be written by syncline init`);
    throw report.error();
  }

  const top = check(root, raw, [], report);
  for (const rule of temporalRules(raw['temporal'])) report.addRule(['temporal'], rule);
  const sources = checkEntries('sources', raw['sources'], SOURCE_TYPES, directory, report);
  const destinations = checkEntries('destinations', raw['destinations'], DESTINATION_TYPES, directory, report);
  const syncs = Object.create(null) as Record<string, SyncConfig>;
  for (const [name, value] of entriesOf('syncs', raw['syncs'], report)) {
    const parsed = check(sync, value, ['syncs', name], report);
    if (parsed !== undefined) syncs[name] = buildSync(name, parsed);
  }
  checkNames(raw, report);
  checkAccounts(destinations, report);
  checkMappings(syncs, sources, report);
  checkCampaigns(syncs, destinations, report);
  checkFilters(syncs, sources, report);
  checkColumns(destinations, syncs, sources, report);
  report.end();

  return {
    file,
    directory,
    database: top?.database ?? null,
    temporal: buildTemporal(top?.temporal, directory),
    retention: buildRetention(top?.retention),
    alerts: buildAlerts(top?.alerts),
    sources,
    destinations,
    syncs,
  };
}

function readConfigFile({ path, cwd, env }: LoadRequest): { file: string; shown: string; text: string } {
  const named = path ?? (env['SYNCLINE_CONFIG'] === '' ? undefined : env['SYNCLINE_CONFIG']);
  const file = resolve(cwd, named ?? DEFAULT_FILE);
  const below = relative(cwd, file);
  const shown = below.startsWith('..') ? file : below;
  try {
    return { file, shown, text: readFileSync(file, 'utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const from = path !== undefined ? '--config' : named !== undefined ? 'SYNCLINE_CONFIG' : 'the working directory';
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    throw new ConfigError([
      {
        file: shown,
        line: null,
        key: '',
        found: missing ? 'no such file' : `a file that cannot be read (${code})`,
        expected: `a configuration file at ${file}, named by ${from}`,
        hint: 'syncline init writes one; --config FILE or SYNCLINE_CONFIG name another',
      },
    ]);
  }
}
