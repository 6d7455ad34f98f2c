import type { LocaleVerdict, VerificationDocument } from '../src/ledger/index.js';

/** 1234567 as 1,234,567. */
export const number = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/**
 * A verification as Markdown, for the Web UI: a line a locale. Pure, and without imports at run time: workflow code
 * uses it.
 */
export function verificationMarkdown(document: VerificationDocument): string {
  const notes = [`foreign: ${number(document.foreign)}`];
  if (document.elsewhere) notes.push(`of other syncs: ${number(document.elsewhere)}`);
  if (document.method === 'sample' && document.sampleSize !== undefined) {
    const confidence = document.confidence === undefined ? '' : ` (confidence ${document.confidence})`;
    const population = document.population === undefined ? '' : ` of ${number(document.population)}`;
    const atMost = document.atMost === undefined ? '' : `, at most ${number(document.atMost)} differ`;
    notes.push(`sample of ${number(document.sampleSize)}${population}${atMost}${confidence}; what differs is estimated`);
  }
  if (document.receipts) notes.push(`receipts of ${number(document.receipts.batches)} batches, ${number(document.receipts.mismatched)} do not add up, ${number(document.receipts.withoutReceipt)} missing`);
  return [
    `**Verification: ${document.verdict}** (${document.method}, against the ${document.against}, ${document.at})`,
    '',
    ...document.locales.map(localeLine),
    ...(document.campaign ? [`- ${document.campaign.pass ? '✓' : '✗'} campaign ${plain(document.campaign.id)}`] : []),
    ...(document.faults ?? []).map((fault) => `- ✗ ${plain(fault)}`),
    '',
    notes.join(' · '),
  ].join('\n');
}

/** Without what Markdown would take for its own. */
function plain(text: string): string {
  return text.replace(/[\\`*_[\]<>|]/g, '\\$&').replace(/\s+/g, ' ');
}

/** `- ✓ **en**: 12,100 expected, 12,089 found, 11 missing · minimum 1` */
function localeLine(verdict: LocaleVerdict): string {
  const found = [`${number(verdict.expected)} expected`, `${number(verdict.found)} found`];
  for (const kind of ['missing', 'unexpected', 'different', 'pending'] as const) if (verdict[kind] > 0) found.push(`${number(verdict[kind])} ${kind}`);
  return `- ${verdict.pass ? '✓' : '✗'} **${plain(verdict.locale)}**: ${found.join(', ')}${verdict.minimum > 0 ? ` · minimum ${number(verdict.minimum)}` : ''}${verdict.pass ? '' : ' · **fail**'}`;
}
