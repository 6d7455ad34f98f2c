import type { z } from 'zod';
import type { Path, Tree } from './document.js';
import type { Report } from './report.js';
import { isMapping } from './schema/helpers.js';
import type { EntryType } from './schema/registry.js';
import { NAME_WORDS, isName } from './schema/values.js';
import { showFound } from './show.js';
import { didYouMean } from './suggest.js';

/** Checks `value`, which stands at `path`; mistakes go to the report. Undefined where there were any. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown, path: Path, report: Report): z.output<Schema> | undefined {
  let result = schema.safeParse(value);
  if (!result.success) {
    const coerced = coerce(value, result.error.issues, path, report.tree);
    if (coerced !== undefined) result = schema.safeParse(coerced);
  }
  if (!result.success) {
    for (const issue of result.error.issues) report.addIssue(path, issue);
    return undefined;
  }
  // What a broken placeholder left out may well pass; it is not usable all the same.
  return report.holdsBroken(path) ? undefined : result.data;
}

/** The entries of `sources` or `destinations`: each checked by its type. */
export function checkEntries<Built>(
  section: string,
  value: unknown,
  types: Readonly<Record<string, EntryType<Built>>>,
  directory: string,
  report: Report,
): Record<string, Built> {
  const built = Object.create(null) as Record<string, Built>;
  const known = Object.keys(types);
  for (const [name, raw] of entriesOf(section, value, report)) {
    const path = [section, name];
    if (!isMapping(raw)) {
      report.add(path, showFound(raw, path, report.tree.writtenAt(path)), `a mapping with type: ${known.join(', ')}`);
      continue;
    }
    const type = raw['type'];
    const entry = typeof type === 'string' && Object.hasOwn(types, type) ? types[type] : undefined;
    if (entry === undefined) {
      const found = showFound(type ?? undefined, [...path, 'type'], report.tree.writtenAt([...path, 'type']));
      report.add([...path, 'type'], found, `one of ${known.join(', ')}`, typeof type === 'string' ? didYouMean(type, known) : undefined);
      continue;
    }
    for (const rule of entry.rules(raw)) report.addRule(path, rule);
    const parsed: unknown = check(entry.schema, raw, path, report);
    if (parsed !== undefined) built[name] = entry.build(name, parsed, directory);
  }
  return built;
}

/** The named entries of a section; a bad name is a mistake, and its entry is checked all the same. */
export function entriesOf(section: string, value: unknown, report: Report): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (!isMapping(value)) {
    report.add([section], showFound(value, [section], report.tree.writtenAt([section])), 'a mapping of name: settings');
    return [];
  }
  const entries = Object.entries(value);
  for (const [name] of entries) {
    if (!isName(name)) report.add([section, name], JSON.stringify(name.slice(0, 100)), NAME_WORDS);
  }
  return entries;
}

/** Puts numbers and booleans where a schema wants them and a placeholder gave text; undefined where nothing changed. */
function coerce(value: unknown, issues: readonly z.core.$ZodIssue[], base: Path, tree: Tree): unknown {
  let copy: unknown;
  for (const issue of issues) {
    if (issue.code !== 'invalid_type' || (issue.expected !== 'number' && issue.expected !== 'boolean')) continue;
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    if (tree.writtenAt([...base, ...path]) === undefined) continue;
    copy ??= structuredClone(value);
    let parent = copy;
    for (const part of path.slice(0, -1)) parent = (parent as Record<string | number, unknown>)[part];
    const last = path.at(-1);
    if (last === undefined || !isContainer(parent)) continue;
    parent[last] = asPlain(parent[last]);
  }
  return copy;
}

function isContainer(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null;
}

function asPlain(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  return /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
}
