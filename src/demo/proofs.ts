import type { AuditDocument, Counts, RunDocument } from '../ledger/index.js';
import { alike, type StateDifferences } from './expected.js';
import { grouped } from './numbers.js';

export type PlatformName = 'MailingCore' | 'D·engage' | 'MainBrainer';

/** Something the demo claims and has checked. */
export interface Proof {
  /** Of which platform; absent: of MailingCore. */
  readonly platform?: PlatformName;
  /** The claim, as a sentence. */
  readonly claim: string;
  readonly holds: boolean;
  /** The figures behind it, or what is wrong. */
  readonly detail: string;
}

/** The first sum of promise 1: `19,972 extracted = 24 invalid + …`. */
export function readSum(counts: Counts): string {
  return sumLine('extracted', counts, ['invalid', 'filtered', 'unchanged', 'superseded', 'suppressed', 'queued']);
}

/** The second sum of promise 1. */
export function sentSum(counts: Counts): string {
  return sumLine('queued', counts, ['delivered', 'rejected', 'overtaken', 'waiting', 'inFlight']);
}

function sumLine(whole: keyof Counts, counts: Counts, parts: readonly (keyof Counts)[]): string {
  const words = parts.map((name) => `${grouped(counts[name])} ${name === 'inFlight' ? 'in flight' : name}`);
  return `${grouped(counts[whole])} ${whole} = ${words.join(' + ')}`;
}

/** Promise 1, counted again over the ledger's rows by `audit`. */
export function booksBalance(audit: AuditDocument): Proof {
  const faults = audit.runs.flatMap((run) => run.faults);
  return { claim: 'every row is accounted for', holds: audit.balanced && audit.runs.length > 0, detail: faults.length === 0 ? 'audit counted the rows again: both sums hold' : faults.join('; ') };
}

/** The platform holds what the CRM says, row by row. */
export function statesAgree(state: StateDifferences): Proof {
  const names = (keys: readonly string[]): string => `${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', …' : ''}`;
  const wrong = (['missing', 'unexpected', 'different'] as const)
    .filter((kind) => state[kind].length > 0)
    .map((kind) => `${grouped(state[kind].length)} ${kind} (${names(state[kind])})`);
  return {
    claim: 'the platform equals the CRM, row by row',
    holds: alike(state) && state.expected > 0,
    detail: wrong.length === 0 ? `${grouped(state.held)} contacts compared in every field, 0 differ` : wrong.join(', '),
  };
}

/** Two sets of keys are the same one. */
export function sameKeys(claim: string, wanted: Iterable<string>, found: Iterable<string>, words: string): Proof {
  const left = new Set(wanted);
  const right = new Set(found);
  const missing = [...left].filter((key) => !right.has(key)).length;
  const extra = [...right].filter((key) => !left.has(key)).length;
  const holds = missing + extra === 0;
  return { claim, holds, detail: holds ? words : `${grouped(missing)} are not among them, ${grouped(extra)} are and should not be` };
}

/** The verification finds the spoilt contacts missing and nothing else. @param missing by locale (`none`: without one) */
export function audienceIsRight({ verification }: RunDocument, missing: Readonly<Record<string, number>>): Proof {
  const claim = 'the audience is right in every locale';
  if (verification === null) return { claim, holds: false, detail: 'there was no verification' };
  const exact = verification.locales.every((locale) => locale.missing === (missing[locale.locale] ?? 0) && locale.unexpected + locale.different + locale.pending === 0);
  const total = verification.locales.reduce((sum, locale) => sum + locale.missing, 0);
  return {
    claim,
    holds: exact && verification.verdict === 'pass' && verification.foreign === 0,
    detail: exact ? `read back in full; the ${grouped(total)} missing are the opted-in ones that cannot be sent or that the platform refuses` : 'the read-back shows differences nobody planted',
  };
}

/** The run came to its end by itself. */
export function runEnded(run: RunDocument): Proof {
  return proof('the run came to its end', run.status.startsWith('completed'), run.error ?? run.status.replaceAll('_', ' '));
}

/** A claim with a condition. */
export function proof(claim: string, holds: boolean, detail: string): Proof {
  return { claim, holds, detail };
}
