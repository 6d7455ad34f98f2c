import type { VerificationDocument } from '../src/ledger/index.js';

/**
 * A verification as Markdown, for the Web UI. Pure, and without imports at run time: workflow code uses it.
 */
export function verificationMarkdown(document: VerificationDocument): string {
  const number = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');
  const cell = (text: string): string => text.replace(/[\\|]/g, '\\$&').replace(/\s+/g, ' ');
  const head = ['locale', 'expected', 'found', 'missing', 'unexpected', 'different', 'pending', 'minimum', 'verdict'];
  const rows = document.locales.map((locale) => [
    cell(locale.locale),
    ...[locale.expected, locale.found, locale.missing, locale.unexpected, locale.different, locale.pending, locale.minimum].map(number),
    locale.pass ? 'pass' : '**fail**',
  ]);
  const notes = [`foreign: ${number(document.foreign)}`];
  if (document.elsewhere) notes.push(`of other syncs: ${number(document.elsewhere)}`);
  if (document.method === 'sample' && document.sampleSize !== undefined) {
    const confidence = document.confidence === undefined ? '' : ` (confidence ${document.confidence})`;
    notes.push(`sample of ${number(document.sampleSize)}${confidence}`);
  }
  return [
    `**Verification: ${document.verdict}** (${document.method}, against the ${document.against}, ${document.at})`,
    '',
    `| ${head.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(7)} --- |`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    notes.join(' · '),
  ].join('\n');
}
