import { readFile } from 'node:fs/promises';
import type { SingerSourceConfig } from '../../config/index.js';
import { SourceError } from '../contract.js';
import { findStream, namesOf, selectStream, type Selected } from './catalog.js';
import { endError, hangs, tapWords, UNKNOWN_ARGUMENT } from './errors.js';
import { privateFolder, type PrivateFolder } from './files.js';
import { QUIET, TapProcess, type Ending } from './process.js';

/** Characters of a catalog. */
const LARGEST_CATALOG = 1 << 26;

/** A tap at work with the files it was given. */
export interface RunningTap {
  readonly process: TapProcess;
  /** What its messages may call the stream. */
  readonly names: readonly string[];
  /** Ends the tap where it still runs and removes its files. */
  stop(): Promise<void>;
}

/**
 * What the tap says it has, with our stream selected. Null where the tap knows no `--discover`.
 * @throws SourceError
 */
async function discover(config: SingerSourceConfig, columns: readonly string[], signal: AbortSignal): Promise<Selected | null> {
  const folder = await privateFolder();
  try {
    const { text, ending } = await collect(config, ['--config', await folder.write('config.json', JSON.stringify(config.config)), '--discover'], signal);
    if (ending.code !== 0 && ending.failure === undefined && UNKNOWN_ARGUMENT.test(ending.tail)) return null;
    if (ending.code !== 0) throw endError(config, ending, null);
    let catalog: unknown;
    try {
      catalog = JSON.parse(text);
    } catch {
      throw new SourceError('unreachable', `${tapWords(config)}: what it wrote with --discover is no JSON`, 'let the tap log to stderr; or set catalog to a file');
    }
    const { key, updatedAt } = config;
    return selectStream(config, catalog, [...columns, ...[key, updatedAt].filter((name) => name !== undefined)]);
  } finally {
    await folder.remove();
  }
}

/** Runs the tap to its end. */
async function collect(config: SingerSourceConfig, args: readonly string[], signal: AbortSignal): Promise<{ text: string; ending: Ending }> {
  signal.throwIfAborted();
  const process = new TapProcess(config.command, args, config.directory);
  try {
    let text = '';
    for (;;) {
      const line = await process.next(config.timeout, signal);
      if (line === QUIET) throw hangs(config);
      if (line === null) return { text, ending: process.ending as Ending };
      text += `${line}\n`;
      if (text.length > LARGEST_CATALOG) throw new SourceError('misconfigured', `${tapWords(config)}: its catalog is larger than 64 MB`, 'set catalog to a file with the stream alone');
    }
  } finally {
    await process.stop();
  }
}

/** Starts reading. @param state what the tap goes on from, JSON text; null: from the beginning. @throws SourceError */
export async function startTap(config: SingerSourceConfig, columns: readonly string[], state: string | null, signal: AbortSignal): Promise<RunningTap> {
  const { catalog, properties } = config;
  const file = catalog ?? properties;
  const selected = file === undefined ? await discover(config, columns, signal) : null;
  const names = file === undefined ? (selected?.names ?? [config.stream]) : await namesIn(config, file);
  const folder = await privateFolder();
  try {
    const args = await argumentsOf(config, folder, selected, state);
    signal.throwIfAborted();
    const process = new TapProcess(config.command, args, config.directory);
    return {
      process,
      names,
      stop: async () => {
        await process.stop();
        await folder.remove();
      },
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

async function argumentsOf({ config, catalog, properties }: SingerSourceConfig, folder: PrivateFolder, selected: Selected | null, state: string | null): Promise<string[]> {
  const args = ['--config', await folder.write('config.json', JSON.stringify(config))];
  if (selected !== null) args.push('--catalog', await folder.write('catalog.json', selected.text));
  if (catalog !== undefined) args.push('--catalog', catalog);
  if (properties !== undefined) args.push('--properties', properties);
  if (state !== null) args.push('--state', await folder.write('state.json', state));
  return args;
}

/** What the messages of a stream in a catalog file may call it. @throws SourceError where the file cannot be used */
async function namesIn(config: SingerSourceConfig, file: string): Promise<readonly string[]> {
  let catalog: unknown;
  try {
    catalog = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no file' : 'this is no readable JSON:';
    throw new SourceError('misconfigured', `source ${config.name}: ${why} ${file}`, 'write it with the tap\'s --discover, or leave catalog out: the stream is then selected by itself');
  }
  return namesOf(config, findStream(config, catalog));
}
