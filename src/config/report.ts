import type { z } from 'zod';
import type { Path, Tree } from './document.js';
import { DURATION_WORDS } from './duration.js';
import { ConfigError } from './mistakes.js';
import type { Mistake } from './mistakes.js';
import type { BrokenRule } from './schema/registry.js';
import { isMapping } from './schema/helpers.js';
import { showFound } from './show.js';
import { didYouMean } from './suggest.js';

/** Keys that belong to one type only, where they are looked for in others. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  suppressions: 'only a mailingcore destination can be asked who opted out there; leave it out here',
  webhookSecret: 'only a mailingcore destination has one; leave it out here',
};

/** Gathers the mistakes of one file. What a broken placeholder stands for is not complained about a second time. */
export class Report {
  readonly #mistakes: Mistake[] = [];
  readonly #broken: Path[] = [];

  constructor(
    /** As shown to a person. */
    readonly file: string,
    readonly tree: Tree,
  ) {
    for (const { line, path, found, expected, hint } of tree.findings) {
      this.#broken.push(path);
      this.#mistakes.push({ file, line, key: path.join('.'), found, expected, ...(hint === undefined ? {} : { hint }) });
    }
  }

  /** Nothing has been found so far. */
  get clean(): boolean {
    return this.#mistakes.length === 0;
  }

  add(path: Path, found: string, expected: string, hint?: string): void {
    if (this.isBroken(path)) return;
    const mistake = { file: this.file, line: this.tree.lineOf(path), key: path.join('.'), found, expected };
    this.#mistakes.push(hint === undefined ? mistake : { ...mistake, hint });
  }

  /** Whether the value itself could not be read, so that nothing can be said about it. */
  isBroken(path: Path): boolean {
    return this.#broken.some((broken) => broken.every((part, i) => part === path[i]));
  }

  /** Whether a value at or below `path` could not be read. */
  holdsBroken(path: Path): boolean {
    return this.isBroken(path) || this.#broken.some((broken) => path.every((part, i) => part === broken[i]));
  }

  addRule(base: Path, rule: BrokenRule): void {
    this.add([...base, ...rule.at], rule.found, rule.expected, rule.hint);
  }

  /** A schema's complaint about what stands at `base`. */
  addIssue(base: Path, issue: z.core.$ZodIssue): void {
    const path = this.#inFile([...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]);
    const key = String(path.at(-1) ?? '');
    if (issue.code === 'custom' && Array.isArray(issue.params?.['known'])) {
      this.add(path, 'an unknown key', issue.message, didYouMean(key, issue.params['known'] as string[]) ?? (Object.hasOwn(ELSEWHERE, key) ? ELSEWHERE[key] : undefined));
      return;
    }
    if (issue.code === 'invalid_key') {
      this.add(path, JSON.stringify(key), issue.issues[0]?.message ?? issue.message);
      return;
    }
    const value = valueAt(this.tree.value, path);
    this.add(path, showFound(value, path, this.tree.writtenAt(path)), issue.message, hintFor(issue, value));
  }

  error(): ConfigError {
    return new ConfigError(this.#mistakes);
  }

  /** Throws all mistakes at once, if there are any. */
  end(): void {
    if (!this.clean) throw this.error();
  }

  /** Schemas rewrite short forms (`x` for `[x]`): a path inside something rewritten ends at what stands in the file. */
  #inFile(path: Path): Path {
    let end = path.length;
    while (end > 0 && !isContainer(valueAt(this.tree.value, path.slice(0, end - 1)))) end -= 1;
    return path.slice(0, end);
  }
}

function hintFor(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    return didYouMean(value, issue.values.map(String));
  }
  if (issue.message.startsWith(DURATION_WORDS)) return /^\d+$/.test(String(value)) ? 'add a unit' : undefined;
  if (issue.code !== 'invalid_type' || issue.expected !== 'string') return undefined;
  return typeof value === 'number' || typeof value === 'boolean' ? 'put it in quotes' : undefined;
}

/** What stands at a path of plain values; undefined where nothing does. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else if (isMapping(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
