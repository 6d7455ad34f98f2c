import { setTimeout as delay } from 'node:timers/promises';
import type { DengageConfig } from '../../config/index.js';
import type { Capabilities, Destination, Outcome, OutgoingBatch } from '../contract.js';
import type { DestinationOptions } from '../registry.js';
import { createAccount } from './account.js';
import { bulkBody } from './body.js';
import { MAX_BATCH, MAX_RENAMES, NOTICES } from './config.js';
import { differences, foundContact } from './found.js';
import { createMapping } from './mapping.js';
import { outcomeOfAnswer } from './outcomes.js';
import { readContact, readCount, tryRead } from './reading.js';

/** An account of D·engage as a destination. */
export function createDengage(config: DengageConfig, options: DestinationOptions = {}): Destination {
  const now = options.now ?? Date.now;
  const wait = options.wait ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const account = createAccount(config, now);
  const parts = { account, now, wait };
  const { columns } = config;
  const capabilities: Capabilities = {
    maxBatchSize: MAX_BATCH,
    maxBodyBytes: null,
    maxRenameBatchSize: MAX_RENAMES,
    consent: 'whenChanged',
    keyChange: 'platform',
    results: 'immediate',
    readBack: 'sample',
    locales: null,
    notices: NOTICES,
  };

  const bodies = new WeakMap<OutgoingBatch, string>();
  return {
    capabilities,
    prepare: createMapping(columns),
    compose(batch) {
      bodies.set(batch, bulkBody(batch, config));
    },
    authorise: (paced, signal) => account.authorise(paced, signal),
    async send(batch, signal, onAnswer) {
      if (batch.rows.length === 0 || batch.rows.length > MAX_BATCH) throw new RangeError(`a D·engage call holds 1 to ${MAX_BATCH} rows, not ${batch.rows.length}`);
      const answer = await account.call('POST', '/rest/bulk/contacts', bodies.get(batch) ?? bulkBody(batch, config), signal);
      onAnswer?.();
      return 'kind' in answer ? answer : outcomeOfAnswer(answer, batch, config, now());
    },
    async resolve(batch, paced, signal) {
      // Sending the same values again changes nothing; a rename that arrived would find nobody under the former key.
      if (!batch.form.renames) return null;
      const arrived: number[] = [];
      for (const row of batch.rows) if ((await readContact(parts, row.key, paced, signal)) !== null) arrived.push(row.ord);
      return arrived;
    },
    count: (paced, signal) => readCount(parts, paced, signal),
    async find(key, paced, signal) {
      const held = await readContact(parts, key, paced, signal);
      return held === null ? null : foundContact(held, columns);
    },
    async check(signal) {
      const once = async (): Promise<Outcome> =>
        (await account.authorise((call) => call(signal), signal)) ?? (await tryRead(parts, signal)) ?? { kind: 'answered', failed: [], httpStatus: 200 };
      const outcome = await once();
      // The token at hand may be an old one.
      return outcome.kind === 'expired' ? once() : outcome;
    },
    compare: differences,
    close() {
      account.close();
      return Promise.resolve();
    },
  };
}
