import { afterEach, expect, test } from 'vitest';
import type { SyncConfig } from '../../src/config/index.js';
import { startRun } from '../../src/control/index.js';
import { audit } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
afterEach(async () => { await world.close(); });

test('a full load delivers every row in as few calls as fit, and a second run makes no call', async () => {
  world = await createWorld();
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

test('only what changed is sent, an opt-out among it', async () => {
  world = await createWorld();
  await plantContacts(world.crm, 300);
  await world.run();
  await world.crm.query(`UPDATE contacts SET city = 'Bergen', updated_at = now() WHERE external_id IN ('1', '2', '3')`);
  await world.crm.query(`UPDATE contacts SET opt_in = false, updated_at = now() WHERE external_id = '4'`);
  const second = await world.run();
  expect(second.counts).toMatchObject({ queued: 4, delivered: 4 });
  expect(second.calls.total).toBe(1);
  expect(world.sandbox.mailingcore.contact('4')).toMatchObject({ optIn: false });
  expect(world.sandbox.mailingcore.contact('1')).toMatchObject({ attributes: { city: 'Bergen' } });
});

test('rows committed late by a transaction older than the run are sent by the next run, and only those', async () => {
  world = await createWorld();
  await plantContacts(world.crm, 400);
  await world.run();
  await world.crm.query(`UPDATE contacts SET city = 'Moss', updated_at = now() WHERE external_id = '1'`);
  const late = await world.crm.connect();
  await late.query('BEGIN');
  await late.query(`UPDATE contacts SET city = 'Tromsø', updated_at = now() - interval '1 hour' WHERE external_id::int > 200`);
  await world.run();
  await late.query('COMMIT');
  late.release();
  const next = await world.run();
  expect(next.counts).toMatchObject({ queued: 200, delivered: 200 });
  const idle = await world.run();
  expect(idle.calls.total).toBe(0);
});

test('a value that changes and changes back while it waits leaves nothing wrong on either side', async () => {
  world = await createWorld({ worker: false });
  await plantContacts(world.crm, 10);
  const host = await world.host();
  await world.run();
  const before = world.sandbox.mailingcore.contact('1');
  await world.pool.query('UPDATE account SET paused = true');
  await world.crm.query(`UPDATE contacts SET city = 'Hamar', updated_at = now() WHERE external_id = '1'`);
  const { startRun } = await import('../../src/control/index.js');
  const changed = await startRun(world.pool, world.temporal, world.config, 'crm-newsletter', { kind: 'incremental' });
  await world.until(changed.run, (document) => document.counts.waiting === 1 && !document.extracting);
  await world.crm.query(`UPDATE contacts SET city = 'Oslo', updated_at = now() WHERE external_id = '1'`);
  const back = await world.run();
  expect(back.counts).toMatchObject({ queued: 0 });
  await world.pool.query('UPDATE account SET paused = false');
  const first = await world.until(changed.run, (document) => document.endedAt !== null);
  expect(first.counts).toMatchObject({ queued: 1, delivered: 0, overtaken: 1 });
  expect(world.sandbox.mailingcore.contact('1')).toEqual(before);
  expect((await audit(world.pool, null)).balanced).toBe(true);
  await host.stop();
});

test('a second run of a sync that extracts is told of the first', async () => {
  world = await createWorld({ worker: false });
  await plantContacts(world.crm, 10);
  const { startRun } = await import('../../src/control/index.js');
  const [one, two] = await Promise.all([1, 2].map(() => startRun(world.pool, world.temporal, world.config, 'crm-newsletter', { kind: 'incremental' })));
  expect(one?.run).toBe(two?.run);
  expect([one?.attached, two?.attached].sort()).toEqual([false, true]);
  await world.host();
  expect((await world.until(one?.run ?? '', (document) => document.endedAt !== null)).status).toBe('completed');
});

test('a run verifies its audience by locale when it is told to, and records the verdict', async () => {
  world = await createWorld({ sync: 'verify: {after: run, locales: {en: 1, fr: 1000}}' });
  await plantContacts(world.crm, 300);
  const run = await world.run();
  expect(run.verification).toMatchObject({ verdict: 'fail', method: 'full' });
  expect(run.verification?.locales.find((row) => row.locale === 'en')).toMatchObject({ expected: 80, found: 80, missing: 0, pass: true });
  expect(run.verification?.locales.find((row) => row.locale === 'fr')).toMatchObject({ minimum: 1000, pass: false });
});

test('a run of a sync that the worker does not know ends at once, and says which file lacks it', async () => {
  world = await createWorld();
  const other: SyncConfig = { ...(world.config.syncs['crm-newsletter'] as SyncConfig), name: 'elsewhere' };
  const { run } = await startRun(world.pool, world.temporal, { ...world.config, syncs: { ...world.config.syncs, elsewhere: other } }, 'elsewhere', { kind: 'incremental' });
  const { status, error } = await world.until(run, ({ endedAt }) => endedAt !== null);
  expect([status, error]).toEqual(['failed', expect.stringContaining(`there is no sync elsewhere in the worker's configuration, ${world.config.file}`)]);
});
