import type { VerificationCost } from '../../control/index.js';
import type { CampaignVerdict, LocaleVerdict, VerificationDocument } from '../../ledger/index.js';
import { evidenceOf, otherFaults, percent } from '../../report/index.js';
import { formatDuration, formatNumber, table } from '../output/index.js';
import type { Cell, Colors } from '../output/index.js';

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
    ...evidenceOf(document),
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

/** Verdicts as a table, one a line; what fails by name. */
export function verificationsView(sync: string, verdicts: readonly (VerificationDocument & { readonly run: string | null })[], colors: Colors): string {
  if (verdicts.length === 0) return `no verdict yet: syncline verify ${sync}`;
  const rows = verdicts.map((one): readonly Cell[] => [
    one.at.slice(0, 19).replace('T', ' '), one.verdict, one.method, one.against, one.run ?? 'by hand', one.campaign?.id, failing(one),
  ]);
  return table(['when (UTC)', 'verdict', 'method', 'against', 'run', 'campaign', 'what fails'], rows, { colors, widest: 60 });
}

/** `en, fr; campaign: de; a fault in words` */
function failing(document: VerificationDocument): string | null {
  const names = (locales: readonly { readonly locale: string; readonly pass: boolean }[]): string => locales.filter(({ pass }) => !pass).map(({ locale }) => locale).join(', ');
  const { campaign } = document;
  const atCampaign = campaign === undefined || campaign.pass ? '' : `campaign: ${names(campaign.locales) || 'not readable'}`;
  const words = [names(document.locales), atCampaign, ...otherFaults(document)].filter((one) => one !== '');
  return words.length === 0 ? null : words.join('; ');
}
