/** Codes and outcomes are words of ours or of a platform's documentation; anything else may be a sentence with a person in it. */
const WORD = /^[A-Za-z][A-Za-z0-9_.-]{0,47}$/;

/** A label value that is certainly a word; `other` for what is none. */
export function bounded(value: string): string {
  return WORD.test(value) ? value : 'other';
}

/** The first so many words keep their name; the rest are one, named `other`. Rows come with the greatest first. */
export function firstFew<T>(rows: readonly T[], most: number, nameOf: (row: T) => string): (row: T) => string {
  const kept = new Set<string>();
  for (const row of rows) if (kept.size < most) kept.add(bounded(nameOf(row)));
  return (row) => { const name = bounded(nameOf(row)); return kept.has(name) ? name : 'other'; };
}
