import { formatNumber } from '../format/index.js';
import type { CampaignVerdict, LocaleVerdict, VerificationDocument } from '../ledger/index.js';
import { short } from './chart.js';
import { html, type Markup } from './markup.js';
import { about, evidenceOf, otherFaults, whyOf } from './words.js';
import { paragraphs } from './page.js';

const BAR = 400;

/** What a verification found: a bar for each locale, the campaign, and what fails beside them. */
export function audience(document: VerificationDocument): Markup {
  const { locales, campaign, notices = [] } = document;
  return html`${paragraphs('bad', otherFaults(document))}${locales.length === 0 ? html`<p>Nobody is expected, and nobody was found.</p>` : localesTable(locales, document.method === 'sample')}
${paragraphs('under', [...evidenceOf(document), ...notices])}${campaign === undefined ? null : campaignPart(campaign)}`;
}

const verdictCell = (pass: boolean): Markup => html`<td class="w ${pass ? 'good' : 'bad'}">${pass ? '✓ pass' : '✗ fail'}</td>`;
const whyLine = (why: string): Markup | null => (why === '' ? null : html`<small class="bad">${why}</small>`);

function localesTable(locales: readonly LocaleVerdict[], sample: boolean): Markup {
  const most = Math.max(1, ...locales.flatMap(({ expected, found, minimum }) => [expected, found, minimum]));
  const kinds = ['missing', 'unexpected', 'different'] as const;
  return html`<ul class="legend">${key('want', 'expected')}${key('there', 'found')}${key('short', 'found, where the locale fails')}${locales.some(({ minimum }) => minimum > 0) ? html`<li>| the minimum</li>` : null}</ul>
<div class="tablet"><table><thead><tr><th>locale</th><th>verdict</th><th>expected and found</th><th class="n">expected</th><th class="n">found</th>${kinds.map((kind) => html`<th class="n">${kind}</th>`)}${sample ? html`<th class="n">at most</th>` : null}<th class="n">pending</th><th class="n">minimum</th></tr></thead><tbody>
${locales.map((one) => html`<tr><td class="name">${one.locale}</td>${verdictCell(one.pass)}<td class="bars">${bars(one.expected, one.found, one.minimum, most, one.pass)}${whyLine(whyOf(one))}</td><td class="n">${formatNumber(one.expected)}</td><td class="n">${about(one, one.found)}</td>${kinds.map((kind) => html`<td class="n">${about(one, one[kind])}</td>`)}${sample ? html`<td class="n">${formatNumber(one.atMost ?? 0)}</td>` : null}<td class="n">${formatNumber(one.pending)}</td><td class="n">${formatNumber(one.minimum)}</td></tr>
`)}</tbody></table></div>`;
}

/** Two bars, the wanted above what is there, and a mark at the least. What is there and small is still to be seen. */
function bars(wanted: number, there: number, least: number, most: number, pass: boolean): Markup {
  const width = (value: number): string => short(value === 0 ? 0 : Math.max(2, (value / most) * BAR));
  const mark = least > 0 ? html`<line class="least" x1="${width(least)}" x2="${width(least)}" y1="0" y2="22"/>` : null;
  return html`<svg viewBox="0 0 ${BAR} 22" preserveAspectRatio="none" role="img" aria-label="${wanted} against ${there}"><rect class="want" x="0" y="2" width="${width(wanted)}" height="8"/><rect class="${pass ? 'there' : 'short'}" x="0" y="12" width="${width(there)}" height="8"/>${mark}</svg>`;
}

function key(kind: string, words: string): Markup {
  return html`<li><svg class="key" viewBox="0 0 12 12" aria-hidden="true"><rect class="${kind}" width="12" height="12"/></svg>${words}</li>`;
}

function campaignPart({ id, pass, locales, fault }: CampaignVerdict): Markup {
  const most = Math.max(1, ...locales.flatMap(({ count, found }) => [count, found]));
  return html`<div class="keep"><h2>Campaign ${id}: <span class="${pass ? 'good' : 'bad'}">${pass ? 'pass' : 'fail'}</span></h2>
${paragraphs('bad', [...(fault === undefined ? [] : [fault]), ...locales.flatMap(({ faults = [] }) => faults)])}${locales.length === 0 ? null : html`<ul class="legend">${key('want', 'counted by the platform')}${key('there', 'found opted in there')}${key('short', 'the same, where the locale fails')}</ul>
<div class="tablet"><table><thead><tr><th>locale</th><th>verdict</th><th>counted and found</th><th class="n">counted</th><th class="n">found</th><th>template</th></tr></thead><tbody>
${locales.map((one) => html`<tr><td class="name">${one.locale}</td>${verdictCell(one.pass)}<td class="bars">${bars(one.count, one.found, 0, most, one.pass)}</td><td class="n">${formatNumber(one.count)}</td><td class="n">${formatNumber(one.found)}</td><td>${one.hasTemplate ? 'yes' : 'no'}</td></tr>
`)}</tbody></table></div>`}</div>`;
}
