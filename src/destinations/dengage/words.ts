/** An object's value by name, whatever the case and underscores: `contact_key` finds `contactKey`. unknown: how they are spelt. */
export function pick(value: Readonly<Record<string, unknown>>, ...names: readonly string[]): unknown {
  const wanted = names.map(folded);
  const found = new Map(Object.entries(value).map(([name, inner]) => [folded(name), inner]));
  for (const name of wanted) {
    const inner = found.get(name);
    if (inner !== undefined && inner !== null) return inner;
  }
  return undefined;
}

function folded(name: string): string {
  return name.replace(/[_\s-]/g, '').toLowerCase();
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Words in whatever form: a text, a list of them, an object with a message. */
export function wordsOf(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value;
  if (depth > 3) return '';
  if (Array.isArray(value)) return value.slice(0, 5).map((one) => wordsOf(one, depth + 1)).filter((one) => one !== '').join('; ');
  if (!isObject(value)) return '';
  return wordsOf(pick(value, 'message', 'error', 'errorMessage', 'errorDescription', 'reason', 'description', 'detail', 'errors', 'messages', 'title'), depth + 1);
}

/** What a body says. Anything that is no JSON is given as it is, an HTML page is not repeated. */
export function wordsIn(body: unknown, text: string): string {
  if (body === undefined) return /^\s*</.test(text) ? 'an HTML page' : text;
  return wordsOf(body);
}
