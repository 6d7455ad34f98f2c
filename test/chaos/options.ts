import { parseArgs } from 'node:util';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLATFORMS, type Platform } from './platforms/index.js';

export interface Options {
  readonly platforms: readonly Platform[];
  readonly rounds: number;
  readonly seed: number;
  readonly batchSize: number;
  /** Contacts of the sample used; all of them unless it is the short form. */
  readonly contacts: number;
  readonly short: boolean;
  /** Keeps the folder with the ledger and the logs when something broke. */
  readonly keep: boolean;
  /** The compiled command line. */
  readonly cli: string;
}

export const USAGE = `npm run chaos -- [options]
  --rounds N        rounds with a kill (25)
  --seed S          repeats a run: the same changes, kills and moments (random)
  --batch-size N    contacts a call (250; D·engage: four times as many)
  --platform P      mailingcore, dengage, mainbrainer, or several with commas (all)
  --short           few rounds over few contacts, as the test suite runs it
  --keep            leaves the folder and its logs when something broke`;

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Reads the command line. @throws Error in words a person can act on */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string' }, seed: { type: 'string' }, 'batch-size': { type: 'string' }, platform: { type: 'string', default: 'all' }, short: { type: 'boolean' }, keep: { type: 'boolean' },
    },
  });
  const short = values.short ?? false;
  return {
    short, keep: values.keep ?? false, platforms: platforms(values.platform),
    rounds: number('--rounds', values.rounds, short ? 2 : 25, 0),
    seed: number('--seed', values.seed, Math.floor(Math.random() * 1_000_000), 0),
    batchSize: number('--batch-size', values['batch-size'], short ? 100 : 250, 1),
    contacts: short ? 2_000 : Infinity,
    cli: path.join(ROOT, 'src', 'cli', 'main.js'),
  };
}

function platforms(text: string): readonly Platform[] {
  if (text === 'all') return PLATFORMS;
  return text.split(',').map((name) => {
    const platform = PLATFORMS.find((one) => one.name === name);
    if (platform === undefined) throw new Error(`--platform ${name}: expected all, ${PLATFORMS.map((one) => one.name).join(', ')}`);
    return platform;
  });
}

function number(name: string, text: string | undefined, otherwise: number, least: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < least) throw new Error(`${name}: expected a whole number from ${least}`);
  return value;
}
