import { describe, expect, test } from 'vitest';
import pc from 'picocolors';
import { certaintyOf } from '../../src/cli/arguments.js';
import { costWords, verificationView } from '../../src/cli/views/index.js';
import type { LocaleVerdict, VerificationDocument } from '../../src/ledger/index.js';
import { sampleCost } from '../../src/verification/index.js';

const colors = pc.createColors(false);
const locale: LocaleVerdict = { locale: 'en', expected: 12_000, found: 11_973, missing: 27, unexpected: 0, different: 0, pending: 0, minimum: 1, pass: false };
const document: VerificationDocument = { verdict: 'fail', method: 'full', against: 'source', locales: [locale], foreign: 3, at: '2024-01-01T00:00:00.000000Z' };

describe('what a sample costs', () => {
  const cost = (contacts: number) => ({ ...sampleCost(contacts, 0.99, 0.01, { calls: 60, per: 60_000 }), confidence: 0.99, maxError: 0.01, pace: { calls: 60, per: 60_000 } });

  test('is said in reads, time and what it shows', () => {
    expect(costWords(cost(19_972))).toBe(
      '455 reads at 60 a minute: about 7 m 35 s; 453 of 19,972 contacts, if all are right, show with 99 % confidence that fewer than 1 % differ');
  });

  test('is not known before the ledger knows a contact', () => {
    expect(costWords(cost(0))).toContain('the ledger knows no contact of this sync yet');
  });

  test('is asked for by numbers within their bounds', async () => {
    expect(await certaintyOf({ confidence: '0.99', maxError: '0.005' })).toEqual({ confidence: 0.99, maxError: 0.005 });
    expect(await certaintyOf({})).toEqual({});
    for (const confidence of ['1', '0.4', 'high', '', ' ']) await expect(certaintyOf({ confidence })).rejects.toMatchObject({ exit: 2, message: expect.stringContaining('--confidence') });
    for (const maxError of ['0', '1', '-1']) await expect(certaintyOf({ maxError })).rejects.toThrow('--max-error');
  });
});

describe('the view of a verification', () => {
  test('shows a full one without estimates', () => {
    const view = verificationView(document, colors);
    expect(view).toContain('verification: fail (full, against the source)  foreign: 3');
    expect(view).not.toMatch(/sampled|~|at most/);
  });

  test('marks what a sample estimates, and says what it rests on', () => {
    const view = verificationView({
      ...document, method: 'sample', locales: [{ ...locale, sampled: 450, estimated: true, atMost: 122 }], sampleSize: 453, population: 19_972, confidence: 0.99,
      maxError: 0.01, atMost: 190, total: { found: 19_900, known: 19_972 }, reads: 455, seconds: 455, faults: ['72 fewer'],
    }, colors);
    expect(view).toContain('sample: 453 of 19,972 contacts were read; with 99 % confidence at most 190 differ');
    expect(view).toContain('the platform holds 19,900 contacts, the ledger knows 19,972');
    expect(view).toContain('it took 455 calls and 7 m 35 s');
    expect(view).toContain('72 fewer');
    expect(view).toMatch(/en +450 +12,000 +~11,973 +~27 +0 +0 +122/);
  });

  test('sums receipts up', () => {
    const view = verificationView({ ...document, method: 'receipts', receipts: { batches: 20, contacts: 19_972, withoutReceipt: 1, mismatched: 2 }, notices: ['so it is'] }, colors);
    expect(view).toContain('receipts: 20 batches, 19,972 contacts, 1 without a receipt, 2 that do not add up');
    expect(view).toContain('notice: so it is');
  });
});
