import { formatDuration, formatNumber } from '../format/index.js';
import type { LocaleVerdict, VerificationDocument } from '../ledger/index.js';

/** 0.9999 as `99.99 %`. */
export function percent(share: number): string {
  return `${String(Number((share * 100).toPrecision(6)))} %`;
}

/** What a verdict rests on, where not everything was read: a sentence each. */
export function evidenceOf({ sampleSize, population, confidence, atMost, total, reads, seconds, receipts }: VerificationDocument): readonly string[] {
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

/** A number of a locale; `~` where a sample estimates it. */
export function about({ estimated }: LocaleVerdict, value: number): string {
  return estimated === true && value > 0 ? `~${formatNumber(value)}` : formatNumber(value);
}

/** `12,100 expected, 12,089 found, 11 missing; minimum 1` */
export function countsOf(locale: LocaleVerdict): string {
  const counts = [`${formatNumber(locale.expected)} expected`, `${about(locale, locale.found)} found`];
  for (const kind of ['missing', 'unexpected', 'different'] as const) if (locale[kind] > 0) counts.push(`${about(locale, locale[kind])} ${kind}`);
  if (locale.pending > 0) counts.push(`${formatNumber(locale.pending)} pending`);
  return counts.join(', ') + (locale.minimum > 0 ? `; minimum ${formatNumber(locale.minimum)}` : '');
}

/** Why a locale fails, in a few words; empty where it passes. */
export function whyOf(locale: LocaleVerdict): string {
  if (locale.pass) return '';
  const few = locale.minimum - locale.found;
  const differing = locale.missing + locale.unexpected + locale.different;
  const words = [...(few > 0 ? [`${about(locale, few)} below the minimum`] : []), ...(differing > 0 ? [`${about(locale, differing)} differ`] : [])];
  return words.join(', ');
}

/** A window of a pace: `60 s`, `5 min`, `1 h`. Milliseconds. */
export function windowOf(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms % 60_000 === 0 && ms > 60_000) return `${ms / 60_000} min`;
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}

/** Faults that are of no locale and no campaign. */
export function otherFaults({ faults = [], campaign }: VerificationDocument): readonly string[] {
  const own = new Set(campaign === undefined ? [] : [campaign.fault, ...campaign.locales.flatMap((one) => one.faults ?? [])]);
  return faults.filter((fault) => !own.has(fault));
}

/** `full verification against the source` */
export function howOf({ method, against }: VerificationDocument): string {
  return `${method === 'receipts' ? 'verification by receipts' : method === 'sample' ? 'verification by sample' : 'full verification'} against the ${against}`;
}

/** `2026-01-31 14:03:10 UTC` of an ISO time. */
export function moment(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`;
}
