import { afterEach, expect, test } from 'vitest';
import { startRun } from '../../src/control/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
afterEach(async () => { await world.close(); });

test('a worker that is stopped while rows flow loses no call, the next goes on, and nobody is sent twice', async () => {
  world = await createWorld({ worker: false, destination: 'batchSize: 20' });
  await plantContacts(world.crm, 600);
  world.sandbox.mailingcore.setFaults({ latency: 150 });
  let host = await world.host();
  const { run } = await startRun(world.pool, world.temporal, world.config, 'crm-newsletter', { kind: 'full' });
  for (let delivered = 0, round = 0; round < 2; round += 1) {
    ({ counts: { delivered } } = await world.until(run, (document) => document.counts.delivered > delivered));
    await host.stop();
    host = await world.host();
  }
  const { status, counts, calls } = await world.until(run, ({ endedAt }) => endedAt !== null);
  expect([status, counts.delivered, calls.total, calls.unknownSettled]).toEqual(['completed', 600, 30, 0]);
  expect(world.sandbox.mailingcore.stats().bulkCalls).toBe(30);
});
