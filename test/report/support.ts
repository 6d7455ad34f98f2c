import { SaxesParser } from 'saxes';
import type { CallFacts, LaneWait, RunDocument, VerificationDocument } from '../../src/ledger/index.js';
import type { RunReport } from '../../src/report/index.js';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Its own text and that of what it holds. */
  text: string;
}

/** Every element of a document, in order. Throws where it is not well-formed. */
export function parsed(text: string): readonly Element[] {
  const parser = new SaxesParser({ fileName: 'page' });
  const elements: Element[] = [];
  const open: Element[] = [];
  parser.on('error', (error) => { throw error; });
  parser.on('opentag', ({ name, attributes }) => {
    const element: Element = { name, attributes: attributes as Record<string, string>, text: '' };
    elements.push(element);
    open.push(element);
  });
  parser.on('text', (words) => { for (const element of open) element.text += words; });
  parser.on('closetag', () => { open.pop(); });
  parser.write(text).close();
  return elements;
}

export const START = Date.parse('2026-03-01T10:00:00Z');

/** Calls one after another, `every` milliseconds, each of a second. */
export function callsEvery(every: number, count: number, more: (n: number) => Partial<CallFacts> = () => ({})): CallFacts[] {
  return Array.from({ length: count }, (_, n) => ({
    startedAt: START + n * every, durationMs: 1_000, rows: 100, outcome: 'answered', status: 'settled', ofRun: { rows: 100, delivered: 100, rejected: 0 }, ...more(n),
  }));
}

export const waitOf = (cause: LaneWait['cause'], reason: string, from: number, ms: number | null): LaneWait =>
  ({ cause, reason, from: new Date(START + from).toISOString(), to: ms === null ? null : new Date(START + from + ms).toISOString() });

export const VERDICT: VerificationDocument = {
  verdict: 'fail', method: 'full', against: 'source', foreign: 3, at: '2026-03-01T10:01:00.000000Z', faults: ['campaign spring has no template for fr: 4 opted in'],
  locales: [
    { locale: 'en', expected: 12_000, found: 12_000, missing: 0, unexpected: 0, different: 0, pending: 0, minimum: 0, pass: true },
    { locale: 'fr', expected: 10, found: 4, missing: 6, unexpected: 0, different: 1, pending: 2, minimum: 5, pass: false },
  ],
  campaign: {
    id: 'spring', pass: false, locales: [
      { locale: 'en', count: 12_000, found: 12_000, hasTemplate: true, pass: true },
      { locale: 'fr', count: 4, found: 4, hasTemplate: false, pass: false, faults: ['campaign spring has no template for fr: 4 opted in'] },
    ],
  },
};

/** A run of a minute that failed its verification. */
export const RUN: RunDocument = {
  run: '01J', sync: 'crm', kind: 'incremental', status: 'completed_with_rejects', attached: false,
  counts: { extracted: 20, invalid: 1, filtered: 2, unchanged: 3, stillRejected: 1, superseded: 0, suppressed: 0, queued: 14, delivered: 12, rejected: 2, overtaken: 0, waiting: 0, inFlight: 0 },
  warnings: { 'phone: not possible for its country': 7 }, calls: { total: 2, succeeded: 2, rateLimited: 0, retried: 0, unknownSettled: 0 }, batches: [], batchesTotal: 2,
  cursor: { from: null, to: '2026-02-01T00:00:00.000000Z' }, lane: { account: 'acme', state: 'idle', reason: null, hint: null, until: null }, verification: null,
  workflowId: 'sync/crm/01J', startedAt: '2026-03-01T10:00:00.000Z', endedAt: '2026-03-01T10:01:00.000Z', error: null, notices: [], extracting: false, trouble: null,
  estimate: null, mapping: null, backfill: null, prunedAt: null,
};

export const report = (more: Partial<RunReport> = {}): RunReport => ({
  made: { version: '1.2.3', at: '2026-03-01T11:00:00.000Z' }, run: RUN, calls: callsEvery(1_000, 2), cut: false, waits: [], failures: [], limits: { calls: 30, per: 5_000 }, ...more,
});
