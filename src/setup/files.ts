import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SAMPLE, SAMPLE_FILE } from './sample.js';
import { variablesOf, yamlOf } from './yaml.js';
import type { Setup, Variable } from './yaml.js';

/** What was written, by the file's name beside the configuration. */
export interface Written {
  /** Made, or with force replaced. */
  readonly written: readonly string[];
  /** Were there and got lines of ours at their end. */
  readonly extended: readonly string[];
}

/** Files that are there and would be replaced: nothing was written. */
export class FilesThereError extends Error {
  override readonly name = 'FilesThereError';
  constructor(readonly files: readonly string[]) {
    super(`${files.join(' and ')} ${files.length === 1 ? 'is' : 'are'} there already; nothing was written`);
  }
}

/** Files of ours that would replace somebody's. @param file the configuration, absolute */
export function filesInTheWay(file: string, setup: Setup): readonly string[] {
  return [basename(file), ...(setup.source.kind === 'sample' ? [SAMPLE_FILE] : [])].filter((name) => existsSync(join(dirname(file), name)));
}

/**
 * Writes the configuration and what belongs beside it. `.env.example` and `.gitignore` are only ever added to.
 * @param file the configuration, absolute
 * @throws FilesThereError before anything is written, unless forced
 */
export function writeSetup(file: string, setup: Setup, force: boolean): Written {
  const there = filesInTheWay(file, setup);
  if (there.length > 0 && !force) throw new FilesThereError(there);
  const folder = dirname(file);
  const written: string[] = [];
  const extended: string[] = [];
  const replace = (name: string, text: string): void => {
    // In one step: a cut must not leave half a configuration in the place of a whole one.
    writeFileSync(join(folder, `${name}.new`), text);
    renameSync(join(folder, `${name}.new`), join(folder, name));
    written.push(name);
  };
  const extend = (name: string, missing: (text: string) => string): void => {
    const target = join(folder, name);
    const before = existsSync(target) ? readFileSync(target, 'utf8') : null;
    const more = missing(before ?? '');
    if (more === '') return;
    writeFileSync(target, `${before === null || before === '' || before.endsWith('\n') ? (before ?? '') : `${before}\n`}${more}`);
    (before === null ? written : extended).push(name);
  };
  if (setup.source.kind === 'sample') replace(SAMPLE_FILE, SAMPLE);
  extend('.env.example', (text) => missingVariables(variablesOf(setup), text));
  extend('.gitignore', (text) => missingLines(['.syncline/', '.env'], text));
  replace(basename(file), yamlOf(setup));
  return { written, extended };
}

function missingVariables(variables: readonly Variable[], text: string): string {
  const missing = variables.filter(({ name }) => !new RegExp(`^#?\\s*(?:export )?${name}=`, 'm').test(text));
  if (missing.length === 0) return '';
  const head = text === '' ? '# What syncline.yaml reads from the environment. Copy it to .env, fill it in, and load it: set -a; . ./.env; set +a\n' : '\n# For Syncline.\n';
  return head + missing.map(({ name, about, example, needed }) => `# ${about}\n${needed ? '' : '# '}${name}=${example}\n`).join('');
}

function missingLines(lines: readonly string[], text: string): string {
  const there = new Set(text.split('\n').map((line) => line.trim().replace(/^\//, '')));
  return lines.filter((line) => !there.has(line) && !there.has(line.replace(/\/$/, ''))).map((line) => `${line}\n`).join('');
}
