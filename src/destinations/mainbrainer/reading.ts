/** An object whose names are read without regard to case. */
export type Loose = ReadonlyMap<string, unknown>;

/**
 * Reads an object's names without case and underscores: two sets of the vendor's pages disagree on them
 * (`BatchId`/`batchId`, `InvalidProperties`/`invalidPropertiesList`). Null where it is no object.
 */
export function loose(value: unknown): Loose | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const names = new Map<string, unknown>();
  for (const [name, one] of Object.entries(value)) {
    const plain = name.toLowerCase().replaceAll('_', '');
    if (!names.has(plain)) names.set(plain, one);
  }
  return names;
}

/** The first of these names (lower case) that has a value. */
export function first(object: Loose | null, ...names: readonly string[]): unknown {
  for (const name of names) {
    const value = object?.get(name);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** A text or a number as text; null for anything else and for empty texts. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value.trim() === '' ? null : value.trim();
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : null;
}

/**
 * The words of an error, whatever its form: `{status, message, data}` (doc), RFC 7807 with `errors` by field (what
 * its platform's framework sends of itself), a list, a text. Names of fields stay with their words.
 */
export function wordsIn(body: unknown, text: string): string {
  if (body === undefined) return /^\s*</.test(text) ? 'an HTML page' : text.slice(0, 4000);
  return [...new Set(collect(body, 0))].join('; ');
}

const SPOKEN = ['message', 'title', 'detail', 'error', 'errordescription', 'reason', 'description', 'errors', 'data', 'details'];

function collect(value: unknown, depth: number): string[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [value.trim()];
  if (depth > 4) return [];
  if (Array.isArray(value)) return value.slice(0, 5).flatMap((one) => collect(one, depth + 1));
  const object = loose(value);
  if (object === null) return [];
  return SPOKEN.flatMap((name) => {
    const one = object.get(name);
    const byField = name === 'errors' && typeof one === 'object' && one !== null && !Array.isArray(one);
    return byField
      ? Object.entries(one).slice(0, 5).flatMap(([field, said]) => collect(said, depth + 1).map((words) => `${field}: ${words}`))
      : collect(one, depth + 1);
  });
}
