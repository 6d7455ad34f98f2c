import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Contact, ContactReader } from '../../src/contacts/index.js';
import { extract, type Rules } from '../../src/extraction/index.js';
import { findRun, RunStopped, stopReading, type RunRow } from '../../src/ledger/index.js';
import type { Source, SourcePage } from '../../src/sources/index.js';
import { createTestLedger, startRun, type TestLedger } from '../ledger/support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(() => ledger.close());

const rules: Rules = {
  reader: { columns: [], read: (row: { key: string | null }) => ({ contact: { key: row.key } as Contact, warnings: [] }) } as unknown as ContactReader,
  onDelete: 'ignore', wanted: () => true,
  destination: { prepare: () => ({ fields: '{}', emailConsent: 2, smsConsent: 3, locale: null, warnings: [] }) },
} as unknown as Rules;

/** A source of so many pages of one contact; `before` is called ahead of each. */
function pagesOf(count: number, before: (page: number) => Promise<void>): Source {
  return {
    begin: () => Promise.resolve({ kind: 'incremental', from: null, to: null, warnings: [], notes: null }),
    count: () => Promise.resolve(null),
    finish: () => Promise.resolve({ cursor: null, notes: null }),
    async *pages(): AsyncGenerator<SourcePage> {
      for (let page = 1; page <= count; page++) {
        await before(page);
        yield { rows: [{ key: String(page), time: null, values: [], place: `line ${String(page)}` }], position: page, last: page === count };
      }
    },
  } as unknown as Source;
}

// A rejection that nobody meets ends the worker's process; the suite fails on one by itself.
test('a run that is stopped while two pages are on their way ends with that reason and nothing else', async () => {
  const { id } = await startRun(ledger.pool, ledger.a);
  const run = (await findRun(ledger.pool, id)) as RunRow;
  const source = pagesOf(5, async (page) => { if (page === 2) await stopReading(ledger.pool, id); });
  await expect(extract({ pool: ledger.pool, source, rules, run, budgetMs: 60_000, signal: new AbortController().signal, onPage: () => undefined })).rejects.toThrow(RunStopped);
  // Long enough for what nobody waits for to show itself.
  await ledger.pool.query('SELECT pg_sleep(0.1)');
});
