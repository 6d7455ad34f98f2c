import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { VerificationDocument } from '../../src/ledger/index.js';
import { expectedFromLedger, lastVerifications, recordVerification } from '../../src/verification/index.js';
import { verificationMarkdown } from '../../workflows/verification-details.js';
import { clear, createLedger, delivered, holds, line, verify, type Ledger } from './support.js';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await createLedger();
});
afterAll(() => ledger?.close());
beforeEach(() => clear(ledger));

async function expectedKeys(): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of expectedFromLedger(ledger.pool, ledger.destinationId, ledger.ours)) keys.push(...page.map((contact) => contact.key));
  return keys;
}

const document: VerificationDocument = {
  verdict: 'fail', method: 'full', against: 'source', foreign: 1234567, at: '2024-01-01T00:00:00.000000Z',
  locales: [line('en', { expected: 20000, found: 19999, missing: 1, pass: false }), line('a|b', {})],
};

test('against the ledger, the last delivered state of each contact of the sync is expected, with what was sent', async () => {
  await delivered(ledger, [
    { key: 'a', sync: ledger.ours, locale: 'fr', fields: '{"v":1}' }, { key: 'b', sync: ledger.ours, email: 1 }, { key: 'c', sync: ledger.other },
  ]);
  await delivered(ledger, [{ key: 'd', sync: ledger.ours }], 1);
  const { document: made } = await verify(ledger, [], [holds('a', 'fr', true, '{"v":1}'), holds('b', null, false), holds('c')], {
    against: 'ledger', expected: expectedFromLedger(ledger.pool, ledger.destinationId, ledger.ours),
  });
  expect(made).toMatchObject({ verdict: 'pass', against: 'ledger', foreign: 0, locales: [line('fr', { expected: 1, found: 1 })] });
});

test('the ledger is read to its end, however many pages it has', async () => {
  const keys = Array.from({ length: 10_001 }, (_, n) => `k${n}`);
  await delivered(ledger, keys.map((key) => ({ key, sync: ledger.ours })));
  const read = await expectedKeys();
  expect(read.length).toBe(10_001);
  expect(new Set(read).size).toBe(10_001);
});

test('without mapped consent nothing is said about opting in', async () => {
  await delivered(ledger, [{ key: 'a', sync: ledger.ours, email: 2 }, { key: 'b', sync: ledger.ours, email: 3, sms: 3 }]);
  const read = async (mapped: boolean) => {
    for await (const page of expectedFromLedger(ledger.pool, ledger.destinationId, ledger.ours, { email: mapped, sms: !mapped })) return page.map((contact) => [contact.optedIn, contact.smsOptedIn]);
    return [];
  };
  expect(await read(true)).toEqual([[true, null], [null, null]]);
  expect(await read(false)).toEqual([[null, false], [null, null]]);
});

test('verdicts are kept newest first, and with the run they close', async () => {
  await recordVerification(ledger.pool, { syncId: ledger.ours, runNo: null, document: { ...document, verdict: 'pass' } });
  await recordVerification(ledger.pool, { syncId: ledger.ours, runNo: 1, document });
  expect(await lastVerifications(ledger.pool, 'ours', 5)).toEqual([{ run: 'R1', document }, { run: null, document: { ...document, verdict: 'pass' } }]);
  expect(await lastVerifications(ledger.pool, 'ours', 1)).toHaveLength(1);
  expect(await lastVerifications(ledger.pool, 'other', 5)).toEqual([]);
  expect((await ledger.pool.query('SELECT verification FROM run WHERE no = 1')).rows[0].verification).toEqual(document);
});

test('a verification reads as a line a locale, with what is not as it should be', () => {
  expect(verificationMarkdown(document)).toBe([
    '**Verification: fail** (full, against the source, 2024-01-01T00:00:00.000000Z)',
    '',
    '- ✗ **en**: 20,000 expected, 19,999 found, 1 missing · **fail**',
    '- ✓ **a\\|b**: 0 expected, 0 found',
    '',
    'foreign: 1,234,567',
  ].join('\n'));
  const campaign = { id: 'spring_1', pass: false, locales: [], fault: 'no scope' };
  expect(verificationMarkdown({ ...document, campaign, faults: ['no scope'] })).toContain('\n- ✗ campaign spring\\_1\n- ✗ no scope\n');
});
