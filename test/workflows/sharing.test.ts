import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareSchedules, heal, idsOf, makeSchedules, schedulesStanding, startRun } from '../../src/control/index.js';
import { setPaused } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

/** Nobody else of the suite has these names. */
const NAME = randomBytes(4).toString('hex');
const SHARED = { account: `acme-${NAME}`, sync: 'schedule: {every: 1h}' };
let plain: World;
let other: World;

beforeAll(async () => {
  [plain, other] = await Promise.all([
    createWorld({ ...SHARED, temporal: `taskQueue: shared-${NAME}, prefix: one-${NAME}` }),
    createWorld({ ...SHARED, temporal: `taskQueue: shared-${NAME}, prefix: two-${NAME}` }),
  ]);
});
afterAll(async () => {
  for (const world of [plain, other]) {
    await world.temporal.client.schedule.getHandle(idsOf(world.temporal).schedule('crm-newsletter')).delete().catch(() => undefined);
    await world.close();
  }
});

test('two installations of one namespace with the same task queue, syncs and accounts keep apart by their prefixes', async () => {
  await plantContacts(plain.crm, 30);
  await plantContacts(other.crm, 20);
  const [first, second] = await Promise.all([plain.run(), other.run()]);
  expect(first).toMatchObject({ status: 'completed', counts: { delivered: 30 }, workflowId: `one-${NAME}/sync/crm-newsletter/${first.run}` });
  expect(second).toMatchObject({ status: 'completed', counts: { delivered: 20 }, workflowId: `two-${NAME}/sync/crm-newsletter/${second.run}` });
  expect([plain.sandbox.mailingcore.size(), other.sandbox.mailingcore.size()]).toEqual([30, 20]);

  // What waits for one is no matter of the other's: its sweep finds neither run nor lane to see to.
  await setPaused(plain.pool, SHARED.account, true);
  await plain.crm.query(`UPDATE contacts SET city = 'b', updated_at = now()`);
  const { run } = await startRun(plain.pool, plain.temporal, plain.config, 'crm-newsletter', { kind: 'incremental' });
  expect(await heal(other.pool, other.temporal)).toEqual({ runs: [], lanes: [] });
  await setPaused(plain.pool, SHARED.account, false);
  await heal(plain.pool, plain.temporal);
  expect((await plain.until(run, (document) => document.endedAt !== null)).counts.delivered).toBe(30);

  for (const world of [plain, other]) {
    const changes = await compareSchedules(world.temporal, world.config, null);
    expect(changes).toMatchObject([{ sync: 'crm-newsletter', action: 'create' }]);
    await makeSchedules(world.temporal, world.config, changes);
    expect(await schedulesStanding(world.pool, world.temporal, world.config)).toMatchObject([{ sync: 'crm-newsletter', state: 'active', upToDate: true }]);
  }
  // One takes its own away, and leaves the other's.
  const without = { ...plain.config, syncs: {} };
  const listed = async (): Promise<readonly unknown[]> => compareSchedules(plain.temporal, without, null);
  while ((await listed()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  await makeSchedules(plain.temporal, without, await compareSchedules(plain.temporal, without, null));
  expect(await schedulesStanding(other.pool, other.temporal, other.config)).toMatchObject([{ state: 'active' }]);
});
