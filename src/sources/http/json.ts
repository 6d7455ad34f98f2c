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
