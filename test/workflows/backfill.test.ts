import { Worker } from '@temporalio/worker';
import { afterEach, expect, test } from 'vitest';
import { backfillCost, registerRun, startBackfill, startRun, steerRun, type Window } from '../../src/control/index.js';
import { audit, pauseReading, runDocument } from '../../src/ledger/index.js';
import { workflowBundle } from '../../src/runtime/index.js';
import type { BackfillInput, BackfillProgress } from '../../workflows/names.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
afterEach(async () => { await world.close(); });

const SYNC = 'crm-newsletter';
const idOf = (run: string): string => `backfill/${SYNC}/${run}`;
const start = (window: Window = {}): Promise<{ run: string; attached: boolean }> => startBackfill(world.pool, world.temporal, world.config, SYNC, window);
const ended = (run: string) => world.until(run, (document) => document.endedAt !== null);
const progress = (run: string): Promise<BackfillProgress> => world.runtime.client.workflow.getHandle(idOf(run)).query<BackfillProgress>('progress');
const balanced = async (): Promise<boolean> => (await audit(world.pool, null)).balanced;
/** Contacts older than what the sync has read: only a backfill meets them. */
async function plantOld(count: number): Promise<void> {
  await world.crm.query(
    `INSERT INTO contacts SELECT 'old' || i, 'old' || i || '@example.com', NULL, 'Person', 'Oslo', 'US', 'en', true, '2024-01-01'::timestamptz + i * interval '1 second'
     FROM generate_series(1, $1) i`,
    [count],
  );
}

test('a window sends what differs in it, and a backfill without one everything; the cursor stays, a second one follows the first', async () => {
  world = await createWorld({ source: 'pageSize: 200' });
  await plantContacts(world.crm, 10);
  const first = await world.run();
  await plantOld(1_000);
  const [one, two] = await Promise.all([1, 2].map(() => start({ from: '2024-01-01T00:05:00.000000Z', to: '2024-01-01T00:10:00.000000Z' })));
  expect(one?.run).toBe(two?.run);
  expect([one?.attached, two?.attached].sort()).toEqual([false, true]);
  const window = await ended(one?.run ?? '');
  expect(window).toMatchObject({
    kind: 'backfill', status: 'completed', workflowId: idOf(window.run), counts: { extracted: 300, queued: 300, delivered: 300 },
    cursor: { from: first.cursor.to, to: first.cursor.to }, backfill: { from: '2024-01-01T00:05:00.000000Z', to: '2024-01-01T00:10:00.000000Z', paused: false },
  });
  const whole = await ended((await start()).run);
  expect((await world.pool.query('SELECT cursor FROM sync')).rows).toEqual([{ cursor: first.cursor.to }]);
  const cost = await backfillCost(world.config, SYNC, {}, new AbortController().signal);
  expect(cost.rows).toBeGreaterThan(0);
  expect(cost.calls).toBe(Math.ceil((cost.rows ?? 0) / 1_000));
  expect(whole.counts).toMatchObject({ extracted: 1_010, unchanged: 310, queued: 700, delivered: 700 });
  expect(world.sandbox.mailingcore.size()).toBe(1_010);
  expect(await balanced()).toBe(true);
});

test('beside a backfill an incremental run ends within a few calls, and no more rows wait than may; cancelled, what is staged is delivered', async () => {
  world = await createWorld({ source: 'pageSize: 100', destination: 'batchSize: 50\nlimits: {calls: 5, per: 1s, concurrency: 2}', sync: 'backfill: {maxWaiting: 400}' });
  await plantContacts(world.crm, 10);
  await world.run();
  await plantOld(12_000);
  const { run } = await start();
  await expect.poll(() => progress(run), { timeout: 60_000 }).toMatchObject({ hold: 'full', phase: 'extracting', secondsLeft: expect.any(Number), estimate: expect.any(Number) });
  await world.crm.query(`UPDATE contacts SET city = 'Bergen', updated_at = now() WHERE external_id = '1'`);
  const incremental = await world.run();
  expect(incremental.counts).toMatchObject({ delivered: 1, waiting: 0 });
  const { rows } = await world.pool.query<{ before: number }>(
    `SELECT count(*) AS before FROM batch b, run r JOIN batch_run own ON own.run_no = r.no WHERE r.id = $1 AND b.id < own.batch_id AND b.started_at > r.extracted_at`,
    [incremental.run],
  );
  expect(rows[0]?.before).toBeLessThanOrEqual(3);
  const books = (await runDocument(world.pool, run))?.counts;
  // Two pages may be on their way when the bound is met.
  expect(books?.waiting).toBeLessThanOrEqual(600);
  await steerRun(world.temporal, idOf(run), 'cancel');
  const cancelled = await ended(run);
  expect(cancelled).toMatchObject({ status: 'cancelled', counts: { waiting: 0, inFlight: 0 } });
  expect(cancelled.counts.delivered).toBe(cancelled.counts.extracted);
  expect(cancelled.counts.extracted).toBeLessThan(12_000);
  expect(await balanced()).toBe(true);
});

test('paused, its worker stopped, resumed before the next one begins: nothing is lost and nothing sent twice', async () => {
  world = await createWorld({ worker: false, source: 'pageSize: 100', destination: 'batchSize: 100\nlimits: {calls: 2, per: 1s, concurrency: 2}', sync: 'backfill: {maxWaiting: 400}' });
  await plantOld(3_000);
  const host = await world.host();
  const { run } = await start();
  await world.until(run, ({ counts }) => counts.delivered >= 200);
  await pauseReading(world.pool, run, true);
  await steerRun(world.temporal, idOf(run), 'pause');
  const idle = await world.until(run, ({ counts, backfill }) => backfill?.paused === true && counts.delivered === counts.extracted);
  expect(idle).toMatchObject({ status: 'running', extracting: true });
  await expect.poll(() => progress(run)).toMatchObject({ phase: 'paused', hold: 'paused' });
  const read = (await runDocument(world.pool, run))?.counts.extracted ?? 0;
  await host.stop();
  // The signal alone is enough, with nobody there to hear it yet.
  await steerRun(world.temporal, idOf(run), 'resume');
  const second = await world.host();
  await world.until(run, ({ counts }) => counts.extracted > read && counts.delivered < 3_000);
  await second.stop();
  await world.host();
  const done = await ended(run);
  expect(done).toMatchObject({ status: 'completed', counts: { extracted: 3_000, queued: 3_000, delivered: 3_000, superseded: 0 }, backfill: { paused: false } });
  expect(world.sandbox.mailingcore.size()).toBe(3_000);
  expect(await balanced()).toBe(true);
});

test('a long backfill continues as new, keeps a pause across it, and its histories replay', async () => {
  world = await createWorld({ source: 'pageSize: 50', destination: 'batchSize: 25\nlimits: {calls: 10, per: 1s, concurrency: 2}', sync: 'backfill: {maxWaiting: 100}', tuning: { extractBudgetMs: 1, deliverWindowMs: 30 } });
  await plantOld(1_000);
  const { run } = await registerRun(world.pool, world.config, SYNC, { kind: 'backfill' }, idOf);
  const { client, taskQueue } = world.temporal;
  const input: BackfillInput = { sync: SYNC, run, attributes: true, historyLimit: 40 };
  await client.workflow.start('backfill', { workflowId: idOf(run), taskQueue, args: [input] });
  await world.until(run, ({ counts }) => counts.extracted >= 100);
  await steerRun(world.temporal, idOf(run), 'pause');
  const paused = await world.until(run, ({ backfill }) => backfill?.paused === true);
  expect(paused.counts.extracted).toBeLessThan(1_000);
  await steerRun(world.temporal, idOf(run), 'resume');
  expect(await ended(run)).toMatchObject({ status: 'completed', counts: { extracted: 1_000, delivered: 1_000 } });
  const histories = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowId = '${idOf(run)}'` })) {
    histories.push({ workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() });
  }
  expect(histories.length).toBeGreaterThan(1);
  for await (const result of Worker.runReplayHistories({ workflowBundle: await workflowBundle() }, histories)) expect(result.error).toBeUndefined();
});

test('a sync reads on beside its backfill', async () => {
  world = await createWorld({ worker: false });
  await plantContacts(world.crm, 10);
  const backfill = await start();
  const { run, attached } = await startRun(world.pool, world.temporal, world.config, SYNC, { kind: 'incremental' });
  expect([attached, run === backfill.run]).toEqual([false, false]);
});
