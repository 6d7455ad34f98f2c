import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareSchedules, heal, idsOf, makeSchedules, schedulesStanding, startRun } from '../../src/control/index.js';
import { setPaused } from '../../src/ledger/index.js';
import { dataConverterOf, workflowBundle } from '../../src/runtime/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

/** Nobody else of the suite has these names. */
const NAME = randomBytes(4).toString('hex');
const SHARED = { account: `acme-${NAME}`, sync: 'schedule: {every: 1h}' };
const KEY = randomBytes(32).toString('hex');
let plain: World;
let other: World;

beforeAll(async () => {
  [plain, other] = await Promise.all([
    createWorld({ ...SHARED, temporal: `taskQueue: shared-${NAME}, prefix: one-${NAME}` }),
    createWorld({ ...SHARED, temporal: `taskQueue: shared-${NAME}, prefix: two-${NAME}, encryptionKey: ${KEY}` }),
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
  expect(await heal(other.pool, other.temporal)).toEqual({ runs: [], closed: [], lanes: [] });
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

/** Every byte and string of a history, as it is stored. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value === 'object' && value !== null) return Object.values(value).map(textOf).join('\n');
  return String(value);
}

test('with a key no history holds what was said, failures neither; it replays; and another key is told what it lacks', async () => {
  await other.crm.query(`UPDATE contacts SET city = 'c', updated_at = now()`);
  expect((await other.run()).status).toBe('completed');
  await other.crm.query('ALTER TABLE contacts RENAME COLUMN locale TO language');
  const failed = await other.run();
  await other.crm.query('ALTER TABLE contacts RENAME COLUMN language TO locale');
  expect(failed).toMatchObject({ status: 'failed', error: expect.stringContaining('locale') as string });
  const histories = await other.histories(failed.run);
  expect(histories.length).toBeGreaterThanOrEqual(2);
  const text = histories.map(textOf).join('\n');
  expect(text).toContain('binary/encrypted');
  expect(text).toContain('Encoded failure');
  // Names of things stand in ids and search attributes; what is said of them does not.
  expect(text).not.toMatch(/"attributes"|"status"|"reason"|"seen"|column|a run of|making paced calls|RunFailed:/);

  const replayed = Worker.runReplayHistories(
    { workflowBundle: await workflowBundle(true), dataConverter: dataConverterOf({ encryptionKey: KEY }) },
    histories.map((history, index) => ({ workflowId: `${String(index)}`, history })),
  );
  for await (const result of replayed) expect(result.error).toBeUndefined();

  const { connection, namespace } = other.runtime;
  const result = (keys: Parameters<typeof dataConverterOf>[0]): Promise<unknown> =>
    new Client({ connection, namespace, dataConverter: dataConverterOf(keys) }).workflow.getHandle(failed.workflowId).result();
  const lacking = /encrypted with the key [0-9a-f]{12}, which this configuration does not have/;
  await expect(result({})).rejects.toThrow(lacking);
  await expect(result({ encryptionKey: randomBytes(32).toString('base64') })).rejects.toThrow(lacking);
  await expect(result({ encryptionKey: randomBytes(32).toString('base64'), encryptionKeys: [KEY] })).rejects.toThrow('Workflow execution failed');
});
