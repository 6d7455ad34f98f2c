/** The value a path names in a record; undefined where there is none. */
export type Pick = (record: unknown) => unknown;

const PART = /\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]|(?:^|\.)([^.[\]]+)/y;
const INDEX = /^\d+$/;

function stepsOf(path: string): string[] {
  const text = path.replace(/^\$\.?/, '');
  const steps: string[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    // What does not follow the form is the name of one property.
    if (part === null) return [path];
    const [, index, double, single, name] = part;
    steps.push(index ?? double ?? single ?? name ?? '');
  }
  return steps;
}

/**
 * Compiles a JSON path: names with dots, `[n]` or `.n` for an element, `["a.b"]` for a name with a dot in it; `$` is the
 * whole. A property that is called like the whole path comes first. Own properties only.
 * @returns what stands there; undefined where nothing does
 */
export function compilePath(path: string): Pick {
  const steps = stepsOf(path);
  return (record) => {
    if (steps.length > 1 && isRecord(record) && Object.hasOwn(record, path)) return record[path];
    let at = record;
    for (const step of steps) {
      if (Array.isArray(at)) at = INDEX.test(step) ? (at as unknown[])[Number(step)] : undefined;
      else if (isRecord(at) && Object.hasOwn(at, step)) at = at[step];
      else return undefined;
    }
    return at;
  };
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A key as text: numbers become text, all else that is no text is none. */
export function keyText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The columns of which the first that is filled counts: `phone|mobilephone`. */
export const alternatives = (column: string): readonly string[] => column.split('|').map((name) => name.trim()).filter((name) => name !== '');
