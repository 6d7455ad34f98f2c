import type { VerificationCost } from '../../control/index.js';
import type { CampaignVerdict, LocaleVerdict, VerificationDocument } from '../../ledger/index.js';
import { formatDuration, formatNumber, table } from '../output/index.js';
import type { Cell, Colors } from '../output/index.js';

/** 0.9999 as `99.99 %`. */
function percent(share: number): string {
  return `${String(Number((share * 100).toPrecision(6)))} %`;
}

/** What a sample will cost, and what it will show. */
export function costWords({ contacts, sampleSize, reads, seconds, confidence, maxError, pace }: VerificationCost): string {
  const shows = `with ${percent(confidence)} confidence that fewer than ${percent(maxError)} differ`;
  if (contacts === 0) return `the ledger knows no contact of this sync yet: how many are read is decided when the source has been, enough to show ${shows}`;
  const perWindow = pace.per === 60_000 ? 'a minute' : `every ${formatDuration(pace.per)}`;
  return `${formatNumber(reads)} reads at ${formatNumber(pace.calls)} ${perWindow}: about ${formatDuration(seconds * 1000)}; ` +
    `${formatNumber(sampleSize)} of ${formatNumber(contacts)} contacts, if all are right, show ${shows}`;
}

/** A verification by locale, for a person. */
export function verificationView(document: VerificationDocument, colors: Colors): string {
  const verdict = document.verdict === 'pass' ? colors.green('pass') : colors.red('fail');
  const notes = [`foreign: ${formatNumber(document.foreign)}`];
  if (document.elsewhere !== undefined && document.elsewhere > 0) notes.push(`of other syncs: ${formatNumber(document.elsewhere)}`);
  const sample = document.method === 'sample';
  return [
    `verification: ${verdict} (${document.method}, against the ${document.against})  ${notes.join('  ')}`,
    ...evidenceLines(document),
    ...(document.faults ?? []).map((fault) => colors.red(fault)),
    ...(document.notices ?? []).map((notice) => `${colors.yellow('notice:')} ${notice}`),
    table(
      ['locale', ...(sample ? ['sampled'] : []), 'expected', 'found', 'missing', 'unexpected', 'different', ...(sample ? ['at most'] : []), 'pending', 'minimum', 'verdict'],
      document.locales.map((one) => lineOf(one, sample)),
      { colors },
    ),
    ...campaignLines(document.campaign, colors),
  ].join('\n');
}

/** What a campaign will find, for a person. Its faults stand among those of the verification. */
function campaignLines(campaign: CampaignVerdict | undefined, colors: Colors): readonly string[] {
  if (campaign === undefined) return [];
  const head = `campaign ${campaign.id}: ${campaign.pass ? colors.green('pass') : colors.red('fail')}`;
  if (campaign.locales.length === 0) return ['', head];
  const rows = campaign.locales.map(({ locale, count, found, hasTemplate, pass }): readonly Cell[] => [locale, count, found, hasTemplate ? 'yes' : 'no', pass ? 'pass' : 'fail']);
  return ['', head, table(['locale', 'counted', 'found', 'template', 'verdict'], rows, { colors })];
}

function lineOf(one: LocaleVerdict, sample: boolean): readonly Cell[] {
  const about = (value: number): Cell => (one.estimated === true && value > 0 ? `~${formatNumber(value)}` : value);
  return [
    one.locale, ...(sample ? [one.sampled] : []), one.expected, about(one.found), about(one.missing), about(one.unexpected), about(one.different),
    ...(sample ? [one.atMost] : []), one.pending, one.minimum, one.pass ? 'pass' : 'fail',
  ];
}

/** What the verdict rests on, where not everything was read. */
function evidenceLines({ sampleSize, population, confidence, atMost, total, reads, seconds, receipts }: VerificationDocument): readonly string[] {
  const lines: string[] = [];
  if (sampleSize !== undefined && population !== undefined && confidence !== undefined && atMost !== undefined) {
    lines.push(`sample: ${formatNumber(sampleSize)} of ${formatNumber(population)} contacts were read; with ${percent(confidence)} confidence at most ${formatNumber(atMost)} differ (~ is an estimate)`);
  }
  if (total !== undefined) lines.push(`total: the platform holds ${formatNumber(total.found)} contacts, the ledger knows ${formatNumber(total.known)}`);
  if (reads !== undefined && seconds !== undefined) lines.push(`it took ${formatNumber(reads)} calls and ${formatDuration(seconds * 1000)}`);
  if (receipts !== undefined) {
    const { batches, contacts, withoutReceipt, mismatched } = receipts;
    lines.push(`receipts: ${formatNumber(batches)} batches, ${formatNumber(contacts)} contacts, ${formatNumber(withoutReceipt)} without a receipt, ${formatNumber(mismatched)} that do not add up`);
  }
  return lines;
}
