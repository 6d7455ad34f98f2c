import type { LocaleVerdict, VerificationDocument } from '../ledger/index.js';

/** What the comparison of one key came to; `pairing.ts` decides it. `unread`: left out of the sample. */
export type PairKind = 'theirs' | 'foreign' | 'pending' | 'missing' | 'unexpected' | 'different' | 'alike' | 'unread';

/** Keys that came to the same, with how many there are. */
export interface Group {
  readonly kind: PairKind;
  /** null: the source side does not have them. */
  readonly expectedLocale: string | null;
  /** null: the destination does not have them. */
  readonly foundLocale: string | null;
  /** Locale of the row that waits or is under way; null: none does. */
  readonly pendingLocale: string | null;
  /** Opted in at the source; null: consent is not mapped, or not there. */
  readonly wantsIn: boolean | null;
  /** Opted in at the destination. */
  readonly isIn: boolean;
  /** Of a sample: the locale it was, or could have been, drawn from; null in a full comparison. */
  readonly drawnFrom: string | null;
  /** The ledger holds it as delivered and opted in. */
  readonly heldIn: boolean;
  readonly count: number;
}

export type Sums = { -readonly [K in 'expected' | 'found' | 'missing' | 'unexpected' | 'different' | 'pending']: number };

/** The verdict on a locale. @param tolerance differences that still pass */
export function judged(locale: string, sum: Sums, locales: Readonly<Record<string, number>>, tolerance: number): LocaleVerdict {
  const minimum = Object.hasOwn(locales, locale) ? (locales[locale] as number) : 0;
  const pass = sum.missing + sum.unexpected + sum.different <= tolerance && sum.found >= minimum;
  return { locale, ...sum, minimum, pass };
}

/** Sorts locales for people: by name, `none` last. */
export function byLocale(a: string, b: string): number {
  if (a === b) return 0;
  if (a === 'none') return 1;
  if (b === 'none') return -1;
  return a < b ? -1 : 1;
}

/** The locale a key is counted under: the audience it is wrong in. */
function localeOf(group: Group): string | null {
  if (group.kind === 'unexpected') return group.foundLocale;
  if (group.kind === 'pending') return group.expectedLocale ?? group.pendingLocale;
  return group.expectedLocale;
}

/**
 * Adds groups up to a verdict for each locale.
 *
 * `expected` and `found` are the two audiences as they are, pending contacts included: contacts opted in at the
 * source, and contacts of ours opted in at the destination. A contact whose consent is not mapped is expected
 * to be opted in exactly where the destination has it so (and counts as expected where it is not there at all).
 */
export function tally(
  groups: readonly Group[],
  locales: Readonly<Record<string, number>>,
  tolerance: number,
): Pick<VerificationDocument, 'verdict' | 'locales' | 'foreign' | 'elsewhere'> {
  const sums = new Map<string, Sums>();
  const at = (locale: string): Sums => {
    let sum = sums.get(locale);
    if (!sum) sums.set(locale, (sum = { expected: 0, found: 0, missing: 0, unexpected: 0, different: 0, pending: 0 }));
    return sum;
  };
  for (const locale of Object.keys(locales)) at(locale);
  let foreign = 0;
  let elsewhere = 0;
  for (const group of groups) {
    if (group.kind === 'foreign') foreign += group.count;
    else if (group.kind === 'theirs') elsewhere += group.expectedLocale === null ? 0 : group.count;
    else {
      const { expectedLocale, foundLocale, kind, count } = group;
      const wanted = group.wantsIn ?? (foundLocale === null || group.isIn);
      if (expectedLocale !== null && wanted) at(expectedLocale).expected += count;
      if (foundLocale !== null && group.isIn) at(foundLocale).found += count;
      const locale = localeOf(group);
      if (kind !== 'alike' && kind !== 'unread' && locale !== null) at(locale)[kind] += count;
    }
  }
  const verdicts = [...sums].sort(([a], [b]) => byLocale(a, b)).map(([locale, sum]) => judged(locale, sum, locales, tolerance));
  return { verdict: verdicts.every((verdict) => verdict.pass) ? 'pass' : 'fail', locales: verdicts, foreign, ...(elsewhere > 0 ? { elsewhere } : {}) };
}
