import { randomBytes } from 'node:crypto';
import { afterEach, expect, inject, test } from 'vitest';
import { heal, startRun } from '../../src/control/index.js';
import { audit } from '../../src/ledger/index.js';
import { openRuntime } from '../../src/runtime/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
afterEach(async () => { await world.close(); });

const start = (): Promise<{ run: string }> => startRun(world.pool, world.temporal, world.config, 'crm-newsletter', { kind: 'incremental' });
/** A run is left alone while its start may still be under way. */
const age = (): Promise<unknown> => world.pool.query(`UPDATE run SET started_at = started_at - interval '1 minute'`);

test('a lane that was terminated by hand is started again, and its rows are delivered', async () => {
  world = await createWorld();
  await plantContacts(world.crm, 100);
  await world.pool.query('SELECT 1');
  const { run } = await start();
  await world.until(run, (document) => document.counts.queued === 100);
  await world.runtime.client.workflow.getHandle(`lane/${world.config.destinations['newsletter']?.account ?? ''}`).terminate('by hand').catch(() => undefined);
  await heal(world.pool, world.temporal);
  expect((await world.until(run, (document) => document.endedAt !== null)).counts.delivered).toBe(100);
});

test('a run whose workflow was terminated is marked failed, its rows stay queued and are delivered, and the next run reads on', async () => {
  world = await createWorld({ worker: false });
  await plantContacts(world.crm, 100);
  const { run } = await start();
  await world.runtime.client.workflow.getHandle(`sync/crm-newsletter/${run}`).terminate('by hand');
  await age();
  expect((await heal(world.pool, world.temporal)).runs).toEqual([run]);
  await world.host();
  const next = await world.run();
  expect(next.counts.delivered).toBe(100);
  expect((await audit(world.pool, null)).balanced).toBe(true);
});

test('with Temporal\'s state thrown away the ledger alone tells what is left, and it is delivered', async () => {
  world = await createWorld({ worker: false });
  await plantContacts(world.crm, 100);
  await world.pool.query(`INSERT INTO account (name, paused) VALUES ($1, true)`, [world.config.destinations['newsletter']?.account]);
  const host = await world.host();
  const { run } = await start();
  await world.until(run, (document) => document.counts.queued === 100 && !document.extracting);
  await host.stop();
  await age();
  await world.pool.query('UPDATE account SET paused = false');
  // A namespace that knows nothing is what a Temporal without its state looks like.
  const namespace = `lost-${randomBytes(4).toString('hex')}`;
  await world.runtime.connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
  const empty = await openRuntime({
    directory: world.directory, database: { url: world.databaseUrl }, report: () => undefined,
    temporal: { address: inject('temporalAddress'), namespace, taskQueue: world.runtime.taskQueue },
  });
  try {
    const { LiveConfig } = await import('../../src/control/index.js');
    const { hostWorker } = await import('../../src/hosting/index.js');
    const second = await hostWorker({ config: new LiveConfig(world.config), runtime: empty, directory: world.directory, warn: () => undefined });
    const closed = await world.until(run, (document) => document.counts.delivered === 100 && document.endedAt !== null);
    expect(closed.status).toBe('failed');
    expect(world.sandbox.mailingcore.size()).toBe(100);
    expect((await audit(world.pool, null)).balanced).toBe(true);
    await second.stop();
  } finally {
    await empty.close();
  }
});
