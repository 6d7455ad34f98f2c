import type { LocaleVerdict, VerificationDocument } from '../ledger/index.js';
import { atMostDiffering, scaled } from './sampling.js';
import { byLocale, judged, type Group } from './tally.js';

/** What is known of a locale before anything is scaled. */
interface Counted {
  /** Contacts that were, or could have been, drawn. */
  population: number;
  sampled: number;
  /** Of the population: wanted to be opted in there, or with a consent that is not mapped. */
  wanted: number;
  missing: number;
  unexpected: number;
  different: number;
  /** Of the missing: wanted to be opted in. */
  lost: number;
  /** Consent is not mapped, there and not opted in: the destination's own stands, so nobody expects them in. */
  optedOutThere: number;
  pending: number;
  pendingWanted: number;
  /** Of those pending and wanted: the ledger holds them as delivered and opted in. */
  pendingHeld: number;
}

const NOTHING: Counted = {
  population: 0, sampled: 0, wanted: 0, missing: 0, unexpected: 0, different: 0, lost: 0, optedOutThere: 0, pending: 0, pendingWanted: 0, pendingHeld: 0,
};

/**
 * Adds the groups of a sample up to an estimate for each locale, counted under the locale a contact was drawn from.
 *
 * `expected` is exact, pending contacts included. What differs is the sample's count scaled to the locale and rounded
 * up, so one that differs is never lost, and none stays none; `atMost` bounds it at the confidence asked. `found` is
 * what was expected without what is estimated to be missing. Tolerance and minimum are held against the estimates.
 */
export function estimate(
  groups: readonly Group[],
  locales: Readonly<Record<string, number>>,
  tolerance: number,
  confidence: number,
): Pick<VerificationDocument, 'locales' | 'elsewhere' | 'sampleSize' | 'population' | 'atMost'> & { readonly pass: boolean } {
  const counted = new Map<string, Counted>(Object.keys(locales).map((locale) => [locale, { ...NOTHING }]));
  let elsewhere = 0;
  for (const group of groups) {
    if (group.kind === 'theirs') elsewhere += group.expectedLocale === null ? 0 : group.count;
    const locale = group.kind === 'pending' ? (group.expectedLocale ?? group.pendingLocale) : group.drawnFrom;
    if (group.kind === 'theirs' || group.kind === 'foreign' || locale === null) continue;
    const sum = counted.get(locale) ?? { ...NOTHING };
    counted.set(locale, sum);
    count(sum, group);
  }
  const verdicts = [...counted].sort(([a], [b]) => byLocale(a, b)).map(([locale, sum]) => verdictOf(locale, sum, locales, tolerance, confidence));
  const whole = [...counted.values()].reduce((sum, one) => ({
    population: sum.population + one.population, sampled: sum.sampled + one.sampled, seen: sum.seen + one.missing + one.unexpected + one.different,
  }), { population: 0, sampled: 0, seen: 0 });
  return {
    pass: verdicts.every((verdict) => verdict.pass), locales: verdicts, ...(elsewhere > 0 ? { elsewhere } : {}),
    sampleSize: whole.sampled, population: whole.population, atMost: atMostDiffering(whole.population, whole.sampled, whole.seen, confidence),
  };
}

function count(sum: Counted, group: Group): void {
  const { kind, wantsIn, count: n } = group;
  const wanted = group.expectedLocale !== null && wantsIn !== false;
  if (kind === 'pending') {
    sum.pending += n;
    if (wanted) sum.pendingWanted += n;
    if (wanted && group.heldIn) sum.pendingHeld += n;
    return;
  }
  sum.population += n;
  if (wanted) sum.wanted += n;
  if (kind === 'unread') return;
  sum.sampled += n;
  if (kind === 'missing' || kind === 'unexpected' || kind === 'different') sum[kind] += n;
  if (kind === 'missing' && wanted) sum.lost += n;
  if (wanted && wantsIn === null && group.foundLocale !== null && !group.isIn) sum.optedOutThere += n;
}

function verdictOf(locale: string, sum: Counted, locales: Readonly<Record<string, number>>, tolerance: number, confidence: number): LocaleVerdict {
  const { population, sampled } = sum;
  const whole = (seen: number): number => scaled(seen, population, sampled);
  const settled = Math.max(0, sum.wanted - whole(sum.optedOutThere));
  const verdict = judged(locale, {
    expected: settled + sum.pendingWanted,
    found: Math.max(0, settled - whole(sum.lost)) + sum.pendingHeld,
    missing: whole(sum.missing), unexpected: whole(sum.unexpected), different: whole(sum.different), pending: sum.pending,
  }, locales, tolerance);
  return {
    ...verdict, sampled, ...(sampled < population ? { estimated: true as const } : {}),
    atMost: atMostDiffering(population, sampled, sum.missing + sum.unexpected + sum.different, confidence),
  };
}
