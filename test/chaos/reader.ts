// A process that reads runs of one sync, as a worker's activity does it, and asks whoever started it before each step:
// so it can be killed at any of them, with the next answer of its source held back. Started by test/platforms/source-kills.ts.
import { compileContactReader } from '../../src/contacts/index.js';
import { CONSENT } from '../../src/destinations/index.js';
import { extract, type Rules } from '../../src/extraction/index.js';
import { createPool, findRun } from '../../src/ledger/index.js';
import { createSource, type Source } from '../../src/sources/index.js';
import type { Said, Told } from './reader-words.js';

/** Tells where it stands and waits until it may go on. */
async function ask(step: Said): Promise<void> {
  const answered = new Promise((resolve) => process.once('message', resolve));
  process.send?.(step);
  await answered;
}

/** The source, asking before it begins, before it hands over a page and before it reads the next. */
function asking(source: Source): Source {
  return {
    check: (signal) => source.check(signal),
    begin: (request, signal) => source.begin(request, signal),
    finish: (plan, previous, maxTime, signal, position) => source.finish(plan, previous, maxTime, signal, position),
    count: (plan, signal) => source.count(plan, signal),
    close: () => source.close(),
    async *pages(plan, position, signal) {
      await ask({ at: 'begun' });
      for await (const page of source.pages(plan, position, signal)) {
        await ask({ at: 'read', last: page.last });
        yield page;
        await ask({ at: 'staging' });
      }
    },
  };
}

async function read({ databaseUrl, run: id, config }: Told): Promise<void> {
  const reader = compileContactReader(config.fields);
  const source = createSource(config, reader.columns);
  const pool = createPool(databaseUrl, 4);
  const rules: Rules = {
    reader, wanted: () => true, onDelete: 'ignore',
    destination: {
      prepare: ({ firstName }) => ({ fields: JSON.stringify({ name: firstName ?? null }), emailConsent: CONSENT.unmapped, smsConsent: CONSENT.unmapped, locale: null, warnings: [] }),
      capabilities: { maxBatchSize: 1_000, maxBodyBytes: null, results: 'immediate', readBack: 'full', locales: null },
    },
  };
  try {
    for (let done = false; !done; ) {
      const run = await findRun(pool, id);
      if (run === undefined) throw new Error(`there is no run ${id}`);
      ({ done } = await extract({ pool, source: asking(source), rules, run, budgetMs: 60_000, signal: new AbortController().signal, onPage: () => undefined }));
    }
  } finally {
    await source.close();
    await pool.end();
  }
}

process.on('message', (told: Told | 'go') => {
  if (told === 'go') return;
  read(told).then(
    () => process.send?.({ at: 'done' } satisfies Said),
    (error: unknown) => process.send?.({ at: 'failed', words: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Said),
  );
});
// Nobody is left who would end it.
process.on('disconnect', () => process.exit(0));
process.send?.({ at: 'ready' } satisfies Said);
