import { afterEach, beforeEach, expect, test } from 'vitest';
import { audit } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
beforeEach(async () => { world = await createWorld(); });
afterEach(async () => { await world.close(); });

test('a full load delivers every row in as few calls as fit, and a second run makes no call', async () => {
  await plantContacts(world.crm, 2_500);
  const first = await world.run();
  expect(first.status).toBe('completed');
  expect(first.counts).toMatchObject({ extracted: 2_500, queued: 2_500, delivered: 2_500, rejected: 0, waiting: 0, inFlight: 0 });
  expect(first.calls.total).toBe(3);
  const second = await world.run();
  expect(second.calls.total).toBe(0);
  expect(second.counts.queued).toBe(0);
  expect((await audit(world.pool, null)).balanced).toBe(true);
});
