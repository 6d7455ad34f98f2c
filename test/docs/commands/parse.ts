import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readOptions as readBench } from '../../../bench/options.js';
import type { Register } from '../../../src/cli/command.js';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { readOptions as readChaos } from '../../chaos/options.js';
import { run } from '../../cli/support.js';
import { ROOT, type DocumentedCommand } from './extract.js';

/** The real commands, their options and arguments, which do nothing. */
const IDLE: readonly Register[] = COMMANDS.map((register): Register => (program) => { register(program, () => async () => Promise.resolve()); });

/** What stands for something of the reader's own, and something it may be. */
const PLACEHOLDERS: Readonly<Record<string, string>> = { T: '2026-01-01', N: '10', P: '8080', PORT: '8080', DURATION: '5m', REASON: 'bounced', R: 'bounced' };

const SCRIPTS = (JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { scripts: Readonly<Record<string, string>> }).scripts;

/** Puts something the program takes in the place of the reader's own numbers and times. */
export const filled = (words: readonly string[]): string[] => words.map((word) => PLACEHOLDERS[word] ?? word);

/** What is wrong with a command, in words; null: the program takes it. Connects nowhere, does nothing. */
export async function mistakeOf({ words, inline }: DocumentedCommand): Promise<string | null> {
  const [program, ...rest] = filled(words);
  if (program === 'npm') return mistakeOfScript(rest);
  return program === 'syncline' ? mistakeOfArguments(rest, inline) : null;
}

async function mistakeOfArguments(rest: readonly string[], inline: boolean): Promise<string | null> {
  if (rest.some((word) => word.includes('…'))) return null;
  const { code, err } = await run(rest, { commands: IDLE });
  if (code === 0) return null;
  // In prose a command is named, or an option, and what it needs is left out.
  if (inline && /missing required argument|argument missing|a command is missing/.test(err)) return null;
  return err.trim();
}

async function mistakeOfScript([verb = '', ...rest]: readonly string[]): Promise<string | null> {
  const name = verb === 'run' ? (rest[0] ?? '') : verb;
  if (!['ci', 'install', 'pack'].includes(name) && !Object.hasOwn(SCRIPTS, name)) return `package.json has no script "${name}"`;
  const args = rest.includes('--') ? rest.slice(rest.indexOf('--') + 1) : [];
  try {
    if (name === 'bench') readBench(args);
    if (name === 'chaos') readChaos(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return name === 'demo' ? mistakeOfArguments(['demo', ...args], false) : null;
}
