import type { CheckedFaults } from './faults.js';
import type { Store } from './store.js';

/**
 * What a campaign will find (doc: `{locale, count, hasTemplate}` for opted-in contacts by locale, `null` without one);
 * undefined: there is none of this id. unknown: whether a locale without contacts is listed; here it is where the
 * campaign has a template for it.
 */
export function coverageOf(store: Store, campaigns: CheckedFaults['campaigns'], id: string): readonly object[] | undefined {
  const campaign = Object.hasOwn(campaigns, id) ? campaigns[id] : undefined;
  if (campaign === undefined) return undefined;
  const counts = new Map<string, number>(campaign.templates.map((locale) => [locale, 0]));
  for (const { optIn, locale } of store.all()) if (optIn) counts.set(locale ?? 'none', (counts.get(locale ?? 'none') ?? 0) + 1);
  for (const [locale, count] of Object.entries(campaign.counts)) counts.set(locale, count);
  return [...counts].map(([locale, count]) => ({ locale: locale === 'none' ? null : locale, count, hasTemplate: campaign.templates.includes(locale) }));
}
