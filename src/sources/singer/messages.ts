/** A message of a tap, as far as it matters here. Singer specification 0.2: one JSON map a line, types in any case. */
export type Message =
  | { readonly type: 'RECORD'; readonly stream: string; readonly record: Readonly<Record<string, unknown>> }
  | { readonly type: 'SCHEMA'; readonly stream: string; readonly schema: unknown; readonly keys: readonly string[]; readonly bookmarks: readonly string[] }
  /** `value` is the JSON text as the tap wrote it: a number read and written again may not be the same. */
  | { readonly type: 'STATE'; readonly value: string; readonly resumable: boolean }
  | { readonly type: 'ACTIVATE_VERSION' | 'BATCH'; readonly stream: string }
  | { readonly type: 'other' };

/** Whole numbers a double may not hold. Looked for first where they can stand only, so that most lines cost nothing. */
const LONG_NUMBER = /[:[,]\s*-?\d{16,}/;
const STRING_OR_LONG = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/** JSON in which long whole numbers come as text, digit by digit: two keys must not become one. */
function parseExact(text: string): unknown {
  return JSON.parse(LONG_NUMBER.test(text) ? text.replace(STRING_OR_LONG, (part) => (part.startsWith('"') ? part : `"${part}"`)) : text);
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);

/** Reads one line; null where it is no Singer message. Never throws. */
export function readMessage(line: string): Message | null {
  let parsed: unknown;
  try {
    parsed = parseExact(line);
  } catch {
    return null;
  }
  if (!isMap(parsed) || typeof parsed['type'] !== 'string') return null;
  const type = parsed['type'].toUpperCase();
  const { stream, record, value } = parsed;
  if (type === 'STATE') {
    const raw = 'value' in parsed ? rawMember(line, 'value') : null;
    // Taps of the Meltano SDK mark with it what they cannot go on from: records that come in no order.
    return raw === null ? null : { type, value: raw, resumable: !raw.includes('"progress_markers"') && value !== null };
  }
  if (type === 'RECORD') return typeof stream === 'string' && isMap(record) ? { type, stream, record } : null;
  if (type === 'SCHEMA') {
    if (typeof stream !== 'string') return null;
    return { type, stream, schema: parsed['schema'], keys: texts(parsed['key_properties']), bookmarks: texts(parsed['bookmark_properties']) };
  }
  if (type === 'ACTIVATE_VERSION' || type === 'BATCH') return typeof stream === 'string' ? { type, stream } : null;
  return { type: 'other' };
}

/** The JSON text of a member of an object, as written; of a name given twice the last, as JSON.parse takes it. */
export function rawMember(json: string, name: string): string | null {
  let depth = 0;
  let start = -1;
  let key: string | null = null;
  let found: string | null = null;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') {
      const from = at;
      for (at++; json[at] !== '"'; at++) if (json[at] === '\\') at++;
      if (depth === 1 && start < 0) key = JSON.parse(json.slice(from, at + 1)) as string;
    } else if (char === ':' && depth === 1 && start < 0) {
      start = at + 1;
    } else if ((char === ',' && depth === 1) || (char === '}' && depth === 1)) {
      if (key === name && start >= 0) found = json.slice(start, at).trim();
      start = -1;
      if (char === '}') return found;
    } else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
  }
  return found;
}
