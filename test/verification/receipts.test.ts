import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { expectedFromLedger, verifyReceipts, type ExpectedContact } from '../../src/verification/index.js';
import { batch, clear, createLedger, delivered, inputFor, line, resultOf, waiting, wants, type Ledger, type Result } from './support.js';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await createLedger();
});
afterAll(() => ledger?.close());
beforeEach(() => clear(ledger));

const check = (expected: readonly ExpectedContact[]): Promise<Result> => resultOf(verifyReceipts(inputFor(ledger, expected, [])));

const receive = (id: number | undefined, inserted: number, updated: number, skipped = 0): Promise<unknown> =>
  ledger.pool.query('UPDATE batch SET receipt = $2 WHERE id = $1', [id, JSON.stringify({ inserted, updated, skipped })]);

test('contacts whose batch was confirmed are there, with what was sent; all others are missing', async () => {
  const id = await delivered(ledger, [
    { key: 'a', sync: ledger.ours, locale: 'en', fields: '{"n":1}' }, { key: 'b', sync: ledger.ours, locale: 'en', fields: '{"n":1}' },
    { key: 'c', sync: ledger.ours, locale: 'en', email: 1 }, { key: 'o', sync: ledger.other },
  ]);
  await receive(id, 1, 3);
  const { document, differences } = await check([
    wants('a', 'en', true, '{"n":1}'), wants('b', 'en', true, '{"n":2}'), wants('c', 'en', false), wants('d', 'fr'),
  ]);
  expect(document).toMatchObject({ verdict: 'fail', method: 'receipts', receipts: { batches: 1, contacts: 4, withoutReceipt: 0, mismatched: 0 } });
  expect(document.faults).toBeUndefined();
  expect(document.locales).toEqual([line('en', { expected: 2, found: 2, different: 1, pass: false }), line('fr', { expected: 1, missing: 1, pass: false })]);
  expect(differences.map(({ key, kind }) => [key, kind])).toEqual([['b', 'different'], ['d', 'missing']]);
});

test('a batch whose result has not come leaves its contacts pending', async () => {
  await batch(ledger, 'accepted', [{ key: 'a', sync: ledger.ours }]);
  await waiting(ledger, [{ key: 'b', sync: ledger.ours }]);
  const { document } = await check([wants('a'), wants('b')]);
  expect(document).toMatchObject({ verdict: 'pass', receipts: { batches: 0, contacts: 0 } });
  expect(document.locales).toEqual([line('en', { expected: 2, pending: 2 })]);
});

test('a receipt that counts other than was delivered fails the verdict, and a missing one is counted', async () => {
  const right = await delivered(ledger, [{ key: 'a', sync: ledger.ours }, { key: 'b', sync: ledger.ours }]);
  await receive(right, 1, 1, 3);
  await delivered(ledger, [{ key: 'c', sync: ledger.ours }]);
  const refused = await batch(ledger, 'settled', [{ key: 'x', sync: ledger.ours }], { outcome: 2 });
  await receive(refused, 0, 0, 1);
  expect((await check([wants('a', null), wants('b', null), wants('c', null)])).document).toMatchObject({
    verdict: 'pass', receipts: { batches: 3, contacts: 3, withoutReceipt: 1, mismatched: 0 },
  });
  await receive(right, 1, 0, 1);
  expect((await check([wants('a', null), wants('b', null), wants('c', null)])).document).toMatchObject({
    verdict: 'fail', receipts: { mismatched: 1 }, faults: ['1 of 3 batches have a receipt that counts other than was delivered'],
  });
});

test('an erased contact is not there, and its batch needs no receipt', async () => {
  await delivered(ledger, [{ key: 'a', sync: ledger.ours }], 1);
  expect((await check([])).document).toMatchObject({ verdict: 'pass', locales: [], receipts: { batches: 0 } });
});

test('against the ledger only the receipts are checked, and the document says so', async () => {
  await delivered(ledger, [{ key: 'a', sync: ledger.ours, locale: 'en', sms: 2 }, { key: 'b', sync: ledger.ours, email: 3, sms: 3 }]);
  const { document } = await resultOf(verifyReceipts({
    ...inputFor(ledger, [], []), against: 'ledger', expected: expectedFromLedger(ledger.pool, ledger.destinationId, ledger.ours),
  }));
  expect(document).toMatchObject({ verdict: 'pass', against: 'ledger', locales: [line('en', { expected: 1, found: 1 })], notices: [expect.stringContaining('only the receipts')] });
});
