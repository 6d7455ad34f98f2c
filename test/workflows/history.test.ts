import { Worker } from '@temporalio/worker';
import { afterEach, expect, test } from 'vitest';
import { workflowBundle } from '../../src/runtime/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
afterEach(async () => { await world.close(); });

/** Every payload of an event, decoded, and every string of it. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(textOf).join('\n');
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, inner]) => `${key} ${textOf(inner)}`).join('\n');
  return String(value);
}

test('no history holds a contact: neither e-mail, phone nor name, also where rows fail and calls are refused', async () => {
  world = await createWorld({ sync: 'verify: {after: run}', destination: 'settleDelay: 200ms' });
  await plantContacts(world.crm, 600);
  await world.crm.query(`UPDATE contacts SET first_name = 'Canaria' || external_id, phone = '+47908' || lpad(external_id, 5, '0'), city = 'Kanarivik'`);
  await world.crm.query(`INSERT INTO contacts VALUES (' ', 'canary.key@example.com', '+4790812501', 'Canaria', NULL, NULL, NULL, true, '2025-01-01')`);
  await world.crm.query(`INSERT INTO contacts VALUES ('no-mail', 'canary-broken', '+4790812501', 'Canaria', NULL, NULL, NULL, true, '2025-01-01')`);
  // Told of before anything is read.
  world.sandbox.mailingcore.suppress('person9@example.com');
  world.sandbox.mailingcore.setFaults({ badRows: { externalIds: ['7', '8'], mode: 'request' }, cutNext: 1, burst429: 1 });
  const run = await world.run();
  expect(run.counts).toMatchObject({ rejected: 2, invalid: 2 });
  const histories = await world.histories(run.run);
  const text = histories.map((history) => textOf(history)).join('\n');
  expect(histories.length).toBeGreaterThanOrEqual(2);
  expect(text).toContain(run.run);
  expect(text).not.toMatch(/@example\.com|canary|canaria|kanarivik|90812501|\+?47908/i);
});

test('today\'s histories replay under today\'s code', async () => {
  world = await createWorld({ sync: 'verify: {after: run}' });
  await plantContacts(world.crm, 50);
  const run = await world.run();
  const histories = await world.histories(run.run);
  const workflowBundleNow = await workflowBundle();
  for await (const result of Worker.runReplayHistories(
    { workflowBundle: workflowBundleNow },
    histories.map((history, index) => ({ workflowId: index === 0 ? run.workflowId : 'lane/x', history })),
  )) expect(result.error).toBeUndefined();
});

test('workflows continue as new at their threshold and lose nothing', async () => {
  world = await createWorld({
    source: 'pageSize: 50', destination: 'batchSize: 25', tuning: { extractBudgetMs: 1, deliverWindowMs: 30 },
  });
  await plantContacts(world.crm, 500);
  const { registerRun } = await import('../../src/control/index.js');
  const opened = await registerRun(world.pool, world.config, 'crm-newsletter', { kind: 'incremental' }, (id) => `sync/crm-newsletter/${id}`);
  const { client, taskQueue } = world.temporal;
  const lane = { account: opened.account, attributes: true, historyLimit: 20 };
  await client.workflow.signalWithStart('lane', { workflowId: `lane/${opened.account}`, taskQueue, args: [lane], signal: 'wake', signalArgs: [] });
  await client.workflow.start('sync', {
    workflowId: `sync/crm-newsletter/${opened.run}`, taskQueue, args: [{ sync: 'crm-newsletter', run: opened.run, attributes: true, historyLimit: 20 }],
  });
  const run = await world.until(opened.run, (document) => document.endedAt !== null);
  expect(run.counts).toMatchObject({ extracted: 500, delivered: 500 });
  expect(run.status).toBe('completed');
  const histories = await world.histories(run.run);
  const continued = histories.filter((history) => history.events?.some((event) => event.workflowExecutionContinuedAsNewEventAttributes));
  expect(continued.length).toBeGreaterThanOrEqual(2);
});
