import { formatNumber } from '../format/index.js';
import type { CampaignVerdict, VerificationDocument } from '../ledger/index.js';
import { about, evidenceOf, howOf, moment, otherFaults, whyOf } from './words.js';

/** A verification as Markdown with tables, as GitHub shows them. Counts and reasons, no contact. */
export function asMarkdown(sync: string, document: VerificationDocument): string {
  const { locales, campaign, method, foreign, elsewhere } = document;
  const sample = method === 'sample';
  const notes = [`${formatNumber(foreign)} foreign contacts`, ...(elsewhere === undefined ? [] : [`${formatNumber(elsewhere)} of other syncs`])];
  const paragraphs = [
    `### ${plain(sync)}: ${document.verdict === 'pass' ? '✓ pass' : '✗ fail'}`,
    `${howOf(document)}, ${moment(document.at)}; ${notes.join(', ')}`,
    ...(locales.length === 0 ? [] : [table(
      ['locale', ...(sample ? ['sampled'] : []), 'expected', 'found', 'missing', 'unexpected', 'different', ...(sample ? ['at most'] : []), 'pending', 'minimum', 'verdict'],
      locales.map((one) => [
        one.locale, ...(sample ? [formatNumber(one.sampled ?? 0)] : []), formatNumber(one.expected), about(one, one.found), about(one, one.missing), about(one, one.unexpected),
        about(one, one.different), ...(sample ? [formatNumber(one.atMost ?? 0)] : []), formatNumber(one.pending), formatNumber(one.minimum), `${verdictOf(one.pass)}${one.pass ? '' : `, ${whyOf(one)}`}`,
      ]),
    )]),
    ...(campaign === undefined ? [] : campaignParagraphs(campaign)),
    list(otherFaults(document).map((fault) => `✗ ${plain(fault)}`)),
    list([...evidenceOf(document), ...(document.notices ?? [])].map(plain)),
  ];
  return `${paragraphs.filter((one) => one !== '').join('\n\n')}\n`;
}

function campaignParagraphs({ id, pass, locales, fault }: CampaignVerdict): readonly string[] {
  return [
    `**Campaign ${plain(id)}: ${pass ? '✓ pass' : '✗ fail'}**`,
    ...(locales.length === 0 ? [] : [table(
      ['locale', 'counted', 'found', 'template', 'verdict'],
      locales.map((one) => [one.locale, formatNumber(one.count), formatNumber(one.found), one.hasTemplate ? 'yes' : 'no', verdictOf(one.pass)]),
    )]),
    list([...(fault === undefined ? [] : [fault]), ...locales.flatMap((one) => one.faults ?? [])].map((one) => `✗ ${plain(one)}`)),
  ];
}

const verdictOf = (pass: boolean): string => (pass ? '✓ pass' : '✗ **fail**');
const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n');

/** The first column and the last are words, the others numbers. Cells are Markdown, but for the first. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const sides = headings.map((_, i) => (i === 0 || i === headings.length - 1 ? ':--' : '--:'));
  return [line(headings), line(sides), ...rows.map(([first = '', ...others]) => line([plain(first), ...others]))].join('\n');
}

/** Text that Markdown takes for nothing but text, on one line. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[&<>@]/g, (character) => `&#${String(character.codePointAt(0))};`).replace(/[\\`*_{}[\]()#+\-.!|~]/g, '\\$&');
}
