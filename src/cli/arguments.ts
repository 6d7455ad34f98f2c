import { InvalidArgumentError } from 'commander';
import { CliError, EXIT } from './exit.js';

/** A whole number from 1, for commander. */
export function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

/** A TCP port; 0 is any free one. */
export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('expected a port from 0 to 65535.');
  return value;
}

/** `30s`, `5m`, `2h` in milliseconds, as in the configuration. @throws CliError (exit 2) naming the option */
export async function durationOf(text: string, option: string): Promise<number> {
  const { parseDuration } = await import('../config/index.js');
  const value = parseDuration(text);
  if (value === undefined) throw new CliError(`${option}: found ${JSON.stringify(text)}`, EXIT.misused, 'expected a duration such as 30s, 5m or 2h');
  return value;
}

/** A time as ISO 8601, with its zone, or a date (UTC midnight); not in the future. @throws CliError (exit 2) naming the option */
export function timeOf(text: string, option: string): string {
  const time = momentOf(text, option);
  if (Date.parse(time) > Date.now()) throw new CliError(`${option}: ${text} is in the future`, EXIT.misused, 'expected when the person did it');
  return time;
}

/** The same, whenever it is. @throws CliError (exit 2) naming the option */
export function momentOf(text: string, option: string): string {
  const form = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;
  const time = form.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new CliError(`${option}: found ${JSON.stringify(text)}`, EXIT.misused, 'expected a time such as 2026-01-31T12:00:00Z, or a date');
  return new Date(time).toISOString();
}

/** How sure a sample must be, as in the configuration's `verify:`. @throws CliError (exit 2) naming the option */
export async function certaintyOf(asked: { readonly confidence?: string; readonly maxError?: string }): Promise<{ readonly confidence?: number; readonly maxError?: number }> {
  const { CONFIDENCE_WORDS, isConfidence, isMaxError, MAX_ERROR_WORDS } = await import('../config/index.js');
  const read = (text: string, option: string, fits: (value: number) => boolean, expected: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!fits(value)) throw new CliError(`${option}: found ${JSON.stringify(text)}`, EXIT.misused, `expected ${expected}`);
    return value;
  };
  return {
    ...(asked.confidence === undefined ? {} : { confidence: read(asked.confidence, '--confidence', isConfidence, CONFIDENCE_WORDS) }),
    ...(asked.maxError === undefined ? {} : { maxError: read(asked.maxError, '--max-error', isMaxError, MAX_ERROR_WORDS) }),
  };
}

/** `A,B` as a list of keys. */
export function keys(text: string, before: readonly string[] = []): readonly string[] {
  const found = text.split(',').map((key) => key.trim()).filter((key) => key !== '');
  if (found.length === 0) throw new InvalidArgumentError('expected one or more contact keys, separated by commas.');
  return [...new Set([...before, ...found])];
}
