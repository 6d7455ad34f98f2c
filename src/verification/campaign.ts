import type { CampaignLocale } from '../destinations/index.js';
import { formatNumber } from '../format/index.js';
import type { CampaignLocaleVerdict, CampaignVerdict, VerificationDocument } from '../ledger/index.js';
import { byLocale } from './tally.js';

/** A campaign's own count, and what it is held against. */
export interface CampaignCounts {
  /** What the platform told before the contacts were read, and after. */
  readonly before: readonly CampaignLocale[];
  readonly after: readonly CampaignLocale[];
  /** Contacts found opted in at the platform, by locale in lower case, whoever's they are; `none`: without one. */
  readonly found: ReadonlyMap<string, number>;
  /** Contacts the source side wants opted in, by locale. */
  readonly expected: ReadonlyMap<string, number>;
  /** Contacts by which the counts may differ, a locale. */
  readonly tolerance: number;
}

interface Told {
  readonly count: number;
  readonly hasTemplate: boolean;
}

/**
 * Holds what a campaign will find against what was found (pure). A locale fails where somebody is opted in, there or
 * at the source, and the campaign has no template for it, or where what was found lies outside of the platform's two
 * counts by more than the tolerance: between the two, contacts came and went while they were read.
 */
export function judgeCampaign(id: string, { before, after, found, expected, tolerance }: CampaignCounts): CampaignVerdict {
  const then = byName(before);
  const now = byName(after);
  const wanted = new Map<string, number>();
  for (const [locale, count] of expected) wanted.set(locale.toLowerCase(), (wanted.get(locale.toLowerCase()) ?? 0) + count);
  const names = new Set([...then.keys(), ...now.keys()]);
  for (const audience of [found, wanted]) for (const [locale, count] of audience) if (count > 0) names.add(locale);
  const locales = [...names].sort(byLocale).map((locale): CampaignLocaleVerdict => {
    const { count, hasTemplate } = now.get(locale) ?? { count: 0, hasTemplate: false };
    const seen = found.get(locale) ?? 0;
    const people = Math.max(count, seen, wanted.get(locale) ?? 0);
    const counts = [count, then.get(locale)?.count ?? 0];
    const faults: string[] = [];
    if (people > 0 && !hasTemplate) faults.push(`campaign ${id} has no template for ${nameOf(locale)}: ${formatNumber(people)} opted in`);
    if (seen < Math.min(...counts) - tolerance || seen > Math.max(...counts) + tolerance) {
      faults.push(`campaign ${id} counts ${formatNumber(count)} opted in for ${nameOf(locale)}, ${formatNumber(seen)} were found at the platform`);
    }
    return { locale, count, found: seen, hasTemplate, pass: faults.length === 0, ...(faults.length > 0 ? { faults } : {}) };
  });
  return { id, pass: locales.every(({ pass }) => pass), locales };
}

/** The verdict with a campaign's in it: what fails there fails the verification. */
export function withCampaign(document: VerificationDocument, campaign: CampaignVerdict): VerificationDocument {
  const own = [...(campaign.fault === undefined ? [] : [campaign.fault]), ...campaign.locales.flatMap(({ faults = [] }) => faults)];
  const faults = [...(document.faults ?? []), ...own];
  return { ...document, verdict: campaign.pass ? document.verdict : 'fail', campaign, ...(faults.length > 0 ? { faults } : {}) };
}

function nameOf(locale: string): string {
  return locale === 'none' ? 'contacts without a locale' : locale;
}

/** By locale in lower case. Of one that is told twice all entries must have a template. */
function byName(told: readonly CampaignLocale[]): ReadonlyMap<string, Told> {
  const names = new Map<string, Told>();
  for (const { locale, count, hasTemplate } of told) {
    const name = locale?.toLowerCase() ?? 'none';
    const other = names.get(name);
    names.set(name, other === undefined ? { count, hasTemplate } : { count: other.count + count, hasTemplate: other.hasTemplate && hasTemplate });
  }
  return names;
}
