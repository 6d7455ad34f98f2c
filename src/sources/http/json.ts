/** A string, or a whole number of sixteen digits or more: the longest a double holds exactly has sixteen. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\b\d{16,}\b(?![.eE])/g;
const LONG = /\d{16}/;

/**
 * The body as JSON; undefined where it is none. Whole numbers too large for a double come as text: two contacts whose
 * long ids differ in the last digit must not become one.
 */
export function parseJson(body: string): unknown {
  try {
    const exact = LONG.test(body) ? body.replace(TOKENS, (token) => (token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`)) : body;
    return JSON.parse(exact) as unknown;
  } catch {
    return undefined;
  }
}

type Step = string | number;

const PART = /\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]|(?:^|\.)([^.[\]]+)/y;

function stepsOf(path: string): Step[] {
  const text = path.replace(/^\$\.?/, '');
  const steps: Step[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    // What does not follow the form is the name of one property.
    if (part === null) return [path];
    const [, index, double, single, name] = part;
    steps.push(index === undefined ? (double ?? single ?? name ?? '') : Number(index));
  }
  return steps;
}

/**
 * Compiles a JSON path: names with dots, `[n]` for an element, `["a.b"]` for a name with a dot in it; `$` is the whole.
 * A property that is called like the whole path comes first.
 * @returns what stands there; undefined where nothing does
 */
export function compilePath(path: string): (value: unknown) => unknown {
  const steps = stepsOf(path);
  return (value) => {
    if (steps.length > 1 && isRecord(value) && Object.hasOwn(value, path)) return value[path];
    let at = value;
    for (const step of steps) {
      if (Array.isArray(at)) at = typeof step === 'number' ? (at as unknown[])[step] : undefined;
      else if (isRecord(at) && Object.hasOwn(at, step)) at = at[step];
      else return undefined;
    }
    return at;
  };
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
