import type { Expression, Lookup, Mapped, PlainValue } from '../config/index.js';
import { parseTemplate, templateText } from './template.js';
import { isEmpty, scalarText } from './text.js';

/** Reads one value of a row: a source's values, or a contact. */
export type Pick<Row> = (row: Row) => unknown;

/**
 * Compiles what a field is made of, once for all rows. What comes out is a value as a source could hold it: the field
 * still brings it to its normal form.
 * @param pick how a name (a column, or a contact's field) is read
 * @param unlisted told of a value that a lookup without `default` does not list; the field is then empty
 */
export function compileExpression<Row>(expression: Expression, pick: (name: string) => Pick<Row>, unlisted: () => void): Pick<Row> {
  if ('const' in expression) return () => expression.const;
  if ('template' in expression) return compileTemplate(expression.template, pick);
  return compileLookup(expression, pick, unlisted);
}

/** The names a field is made of, each with the keys that lead to it in the file. */
export function namesIn(mapped: Mapped): readonly { readonly name: string; readonly at: readonly string[] }[] {
  if (typeof mapped === 'string') return [{ name: mapped, at: [] }];
  if ('const' in mapped) return [];
  if ('template' in mapped) return (parseTemplate(mapped.template)?.names ?? []).map((name) => ({ name, at: ['template'] }));
  const { from, default: otherwise } = mapped;
  return [{ name: from, at: ['from'] }, ...(typeof otherwise === 'object' ? [{ name: otherwise.from, at: ['default', 'from'] }] : [])];
}

/** The same with other names in the places of its own. */
export function renamed(mapped: Mapped, nameOf: (name: string) => string): Mapped {
  if (typeof mapped === 'string') return nameOf(mapped);
  if ('const' in mapped) return mapped;
  if ('template' in mapped) {
    const template = parseTemplate(mapped.template);
    return template === null ? mapped : { template: templateText(template, nameOf) };
  }
  const { from, default: otherwise } = mapped;
  return { ...mapped, from: nameOf(from), ...(typeof otherwise === 'object' ? { default: { from: nameOf(otherwise.from) } } : {}) };
}

/** Missing parts are empty; where every part is missing, so is the whole: "Room {room}" without a room says nothing. */
function compileTemplate<Row>(text: string, pick: (name: string) => Pick<Row>): Pick<Row> {
  const template = parseTemplate(text);
  if (template === null) throw new Error('a template with a brace that stands alone');
  const [first = '', ...rest] = template.texts;
  const parts = template.names.map((name, i) => ({ read: pick(name), after: rest[i] ?? '' }));
  return (row) => {
    let whole = first;
    let filled = false;
    for (const { read, after } of parts) {
      const value = read(row);
      const part = isEmpty(value) ? '' : (scalarText(value)?.trim() ?? '');
      if (part !== '') filled = true;
      whole += part + after;
    }
    return filled ? whole.trim() : null;
  };
}

function compileLookup<Row>({ from, map, default: otherwise }: Lookup, pick: (name: string) => Pick<Row>, unlisted: () => void): Pick<Row> {
  const read = pick(from);
  const instead: Pick<Row> | null = otherwise === undefined ? null : typeof otherwise === 'object' ? pick(otherwise.from) : () => otherwise;
  const find = map === undefined ? null : compileMap(map);
  return (row) => {
    const value = read(row);
    const text = isEmpty(value) ? '' : scalarText(value)?.trim();
    if (find === null) return instead !== null && text === '' ? instead(row) : value;
    const found = text === undefined ? undefined : find(text);
    if (found !== undefined) return found;
    if (instead !== null) return instead(row);
    if (text !== '') unlisted();
    return null;
  };
}

/**
 * Values are compared as text without blanks at the ends: as they are written, else without letter case (as in the lists
 * of a consent column), where only one entry is meant.
 */
function compileMap(map: Readonly<Record<string, PlainValue | null>>): (text: string) => PlainValue | null | undefined {
  const written = Object.entries(map).map(([key, value]) => [key.trim(), value] as const);
  const known = new Map<string, PlainValue | null>();
  const unclear = new Set<string>();
  for (const [key, value] of written) {
    const folded = key.toLowerCase();
    if (known.has(folded) && known.get(folded) !== value) unclear.add(folded);
    known.set(folded, value);
  }
  for (const folded of unclear) known.delete(folded);
  for (const [key, value] of written) known.set(key, value);
  return (text) => {
    const found = known.get(text);
    return found === undefined ? known.get(text.toLowerCase()) : found;
  };
}
