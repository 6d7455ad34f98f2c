/** One thing that is wrong in a configuration file. Holds no secret: `found` is masked where it could be one. */
export interface Mistake {
  /** The file as a person would name it: relative to the working directory where it lies below it. */
  readonly file: string;
  /** From 1; null where the mistake has no line (no file at all). */
  readonly line: number | null;
  /** Dotted path, for example `sources.crm.overlap`; empty where the mistake has no key. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
  /** The way out, where there is more to say than what was expected. */
  readonly hint?: string;
}

/**
 * A mistake in one line of words:
 * `syncline.yaml:14 sources.crm.overlap: found "2 minutes", expected a duration such as 30s, 5m or 7d`.
 */
export function formatMistake(mistake: Mistake): string {
  const line = mistake.line === null ? '' : `:${String(mistake.line)}`;
  const key = mistake.key === '' ? '' : ` ${mistake.key}`;
  const hint = mistake.hint === undefined ? '' : ` (${mistake.hint})`;
  return `${mistake.file}${line}${key}: found ${mistake.found}, expected ${mistake.expected}${hint}`;
}

/** The configuration cannot be used. Holds every mistake of the file, in the order of its lines. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const sorted = [...mistakes].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    super(sorted.map(formatMistake).join('\n'));
    this.mistakes = sorted;
  }
}
