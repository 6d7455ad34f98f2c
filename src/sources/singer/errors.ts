import path from 'node:path';
import { formatDurationExact, type SingerSourceConfig } from '../../config/index.js';
import { maskValues } from '../../http/index.js';
import { SourceError } from '../contract.js';
import type { Ending } from './process.js';

/** Which tap of which source a message is about. */
export function tapWords(config: SingerSourceConfig): string {
  return `source ${config.name}: tap ${path.basename(config.command[0])}`;
}

/** What argparse, click and the like write, and exit with 2, about arguments they do not know. */
export const UNKNOWN_ARGUMENT = /unrecognized arguments?|no such option|unknown option|unexpected argument/i;
const BAD_CONFIG = /config(uration)? (validation failed|is (missing|invalid))|required (config )?key|is a required property/i;
/** Lines that say nothing by themselves: SQLAlchemy adds one to each of its errors. */
const EMPTY_WORDS = /^\(Background on this error/;

/** Every text in a value: what must not be repeated to anybody. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value, ...partsOfUrl(value)];
  if (typeof value === 'number') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function partsOfUrl(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return [];
  const { username, password } = new URL(text);
  return [username, password].flatMap((part) => {
    try {
      return [part, decodeURIComponent(part)];
    } catch {
      return [part];
    }
  });
}

/** A process that ended without success. @param record the last record read: its values may stand in the words */
export function endError(config: SingerSourceConfig, ending: Ending, record: unknown): SourceError {
  const where = tapWords(config);
  const { failure } = ending;
  if (failure?.code === 'ENOENT') {
    return new SourceError('misconfigured', `${where}: there is no such program`, 'install the tap where the worker runs, and name it in command, best with its full path');
  }
  if (failure?.code === 'EACCES') return new SourceError('misconfigured', `${where}: it may not be run`, 'make the file of command executable');
  if (failure !== undefined) return new SourceError('unreachable', `${where}: it cannot be started (${failure.code ?? failure.name})`);
  if (ending.tooLong) {
    return new SourceError('misconfigured', `${where}: it wrote a line of more than 16 million characters`, 'see that command is a Singer tap and stream one of contacts');
  }
  const last = ending.tail.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !EMPTY_WORDS.test(line)).at(-1);
  const words = last === undefined ? 'it said nothing on stderr' : maskValues(last, [...textsIn(config.config), ...textsIn(record)]);
  const how = ending.signal === null ? `it ended with code ${String(ending.code)}` : `it was ended by ${ending.signal}`;
  const message = `${where}: ${how}: ${words}`;
  if (UNKNOWN_ARGUMENT.test(ending.tail)) return new SourceError('misconfigured', message, 'see which arguments the tap takes: older ones want properties instead of catalog');
  if (BAD_CONFIG.test(ending.tail)) return new SourceError('misconfigured', message, 'correct config of the source; the tap\'s own page names its keys');
  return new SourceError('unreachable', message, 'run the tap by hand to see all it says; what was read so far is kept');
}

/** A tap that wrote no line for the configured time. */
export function hangs(config: SingerSourceConfig): SourceError {
  return new SourceError(
    'unreachable',
    `${tapWords(config)}: no line came for ${formatDurationExact(config.timeout)}, so it was ended`,
    'see what it waits for; set timeout of the source higher where it is only slow',
  );
}
