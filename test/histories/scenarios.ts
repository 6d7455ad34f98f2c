import type { WorkflowHandle } from '@temporalio/client';
import { closeDelivered, registerRun, startBackfill, startRetry, startRun, steerRun } from '../../src/control/index.js';
import { setPaused, type RunDocument } from '../../src/ledger/index.js';
import { plantContacts, type World, type WorldOptions } from '../support/world.js';
import type { BackfillInput, BackfillProgress, LaneInput, SyncInput, VerifyInput } from '../../workflows/names.js';

/** Drives workflows down their interesting paths. What it returns names the histories to keep: workflow id → name. */
export interface Scenario {
  readonly world?: WorldOptions;
  /** Names of the histories it makes; of a workflow that continued as new the first and the last execution: `NAME` and `NAME-last`. */
  readonly makes: readonly string[];
  run(world: World): Promise<Readonly<Record<string, string>>>;
}

const SYNC = 'crm-newsletter';
const DEFAULT = { attributes: true } as const;
const ended = (world: World, run: string): Promise<RunDocument> => world.until(run, (document) => document.endedAt !== null);
const accountOf = (world: World): string => world.config.destinations['newsletter']?.account ?? '';
const laneOf = (world: World): string => `lane/${accountOf(world)}`;
const handle = (world: World, workflowId: string): WorkflowHandle => world.temporal.client.workflow.getHandle(workflowId);
/** A lane ends a moment after the last row it settled. */
const laneEnded = (world: World): Promise<unknown> => handle(world, laneOf(world)).result().catch(() => undefined);
const holdLane = (world: World): Promise<unknown> => world.pool.query('INSERT INTO account (name, paused) VALUES ($1, true)', [accountOf(world)]);
const letGo = async (world: World): Promise<void> => {
  await setPaused(world.pool, accountOf(world), false);
  await handle(world, laneOf(world)).signal('wake');
};

async function register(world: World, type: 'sync' | 'backfill', input: Partial<BackfillInput> = {}): Promise<string> {
  const opened = await registerRun(world.pool, world.config, SYNC, { kind: type === 'sync' ? 'incremental' : 'backfill' }, (run) => `${type}/${SYNC}/${run}`);
  const args: [SyncInput] = [{ sync: SYNC, run: opened.run, ...DEFAULT, ...input }];
  await world.temporal.client.workflow.start(type, { workflowId: `${type}/${SYNC}/${opened.run}`, taskQueue: world.temporal.taskQueue, args });
  return opened.run;
}

/** Runs that go on in many short activities and continue as new. */
const SHORT: WorldOptions = { source: 'pageSize: 50', destination: 'batchSize: 25', tuning: { extractBudgetMs: 1, deliverWindowMs: 30 } };

export const SCENARIOS: readonly Scenario[] = [
  {
    makes: ['sync-rejects-and-verification', 'lane-refused-calls'],
    world: { sync: 'verify: {after: run}', destination: 'settleDelay: 200ms' },
    run: async (world) => {
      await plantContacts(world.crm, 300);
      world.sandbox.mailingcore.setFaults({ badRows: { externalIds: ['7', '8'], mode: 'request' }, cutNext: 1, burst429: 1 });
      const { workflowId } = await world.run();
      await laneEnded(world);
      return { [workflowId]: 'sync-rejects-and-verification', [laneOf(world)]: 'lane-refused-calls' };
    },
  },
  {
    makes: ['sync-nothing-new', 'retry', 'sync-remapped'],
    run: async (world) => {
      await plantContacts(world.crm, 30);
      world.sandbox.mailingcore.setFaults({ badRows: { externalIds: ['7'], mode: 'request' } });
      await world.run();
      const unchanged = await world.run();
      world.sandbox.mailingcore.setFaults({});
      const retry = await ended(world, (await startRetry(world.pool, world.temporal, world.config, SYNC, { reason: null, keys: null })).run);
      const fields = world.config.sources['crm'] as { fields: { lastName?: unknown; firstName?: unknown } };
      fields.fields.lastName = fields.fields.firstName;
      const remapped = await world.run();
      return { [unchanged.workflowId]: 'sync-nothing-new', [retry.workflowId]: 'retry', [remapped.workflowId]: 'sync-remapped' };
    },
  },
  {
    makes: ['sync-scheduled-delivering', 'verify-after-run'],
    world: { worker: false, sync: 'verify: {after: run}' },
    run: async (world) => {
      await plantContacts(world.crm, 30);
      await holdLane(world);
      await world.host();
      const workflowId = `sync/${SYNC}/scheduled-2026-01-01T00:00:00Z`;
      const args: [SyncInput] = [{ sync: SYNC, settleWithin: 1_500, ...DEFAULT }];
      const started = await world.temporal.client.workflow.start('sync', { workflowId, taskQueue: world.temporal.taskQueue, args });
      const { run } = (await started.result()) as { run: string };
      await letGo(world);
      await ended(world, run);
      await closeDelivered(world.pool, world.temporal);
      await handle(world, `verify/${SYNC}/${run}`).result();
      return { [workflowId]: 'sync-scheduled-delivering', [`verify/${SYNC}/${run}`]: 'verify-after-run' };
    },
  },
  {
    makes: ['sync-failed', 'verify-failed', 'sync-scheduled-unknown'],
    run: async (world) => {
      await plantContacts(world.crm, 5);
      await world.crm.query('ALTER TABLE contacts RENAME COLUMN email TO mail');
      const { workflowId } = await world.run();
      const verification = await byHand(world, 'V1');
      const unknown = `sync/gone/scheduled-2026-01-01T00:00:00Z`;
      const args: [SyncInput] = [{ sync: 'gone', ...DEFAULT }];
      await (await world.temporal.client.workflow.start('sync', { workflowId: unknown, taskQueue: world.temporal.taskQueue, args })).result().catch(() => undefined);
      return { [workflowId]: 'sync-failed', [verification]: 'verify-failed', [unknown]: 'sync-scheduled-unknown' };
    },
  },
  {
    makes: ['sync-cancelled', 'sync-cancelled-in-temporal', 'backfill-cancelled'],
    world: { source: 'pageSize: 20', tuning: { extractBudgetMs: 1 } },
    run: async (world) => {
      await plantContacts(world.crm, 2_000);
      const names: Record<string, string> = {};
      const backfill = (await startBackfill(world.pool, world.temporal, world.config, SYNC, {})).run;
      await world.until(backfill, ({ counts }) => counts.extracted > 0);
      await steerRun(world.temporal, `backfill/${SYNC}/${backfill}`, 'cancel');
      names[(await ended(world, backfill)).workflowId] = 'backfill-cancelled';
      for (const name of ['sync-cancelled', 'sync-cancelled-in-temporal']) {
        const { run } = await startRun(world.pool, world.temporal, world.config, SYNC, { kind: 'incremental' });
        await world.until(run, ({ counts }) => counts.extracted > 0);
        const workflowId = `sync/${SYNC}/${run}`;
        if (name === 'sync-cancelled') await steerRun(world.temporal, workflowId, 'cancel');
        else await handle(world, workflowId).cancel();
        await ended(world, run);
        names[workflowId] = name;
      }
      return names;
    },
  },
  {
    makes: ['sync-continued-as-new', 'sync-continued-as-new-last', 'lane-continued-as-new', 'lane-continued-as-new-last'],
    world: SHORT,
    run: async (world) => {
      await plantContacts(world.crm, 500);
      const args: [LaneInput] = [{ account: accountOf(world), ...DEFAULT, historyLimit: 20 }];
      await world.temporal.client.workflow.signalWithStart('lane', { workflowId: laneOf(world), taskQueue: world.temporal.taskQueue, args, signal: 'wake', signalArgs: [] });
      const run = await register(world, 'sync', { historyLimit: 20 });
      await ended(world, run);
      await laneEnded(world);
      return { [`sync/${SYNC}/${run}`]: 'sync-continued-as-new', [laneOf(world)]: 'lane-continued-as-new' };
    },
  },
  {
    makes: ['backfill-paused', 'backfill-paused-last'],
    world: SHORT,
    run: async (world) => {
      await plantContacts(world.crm, 500);
      const run = await register(world, 'backfill', { historyLimit: 60 });
      const workflowId = `backfill/${SYNC}/${run}`;
      await world.until(run, ({ counts }) => counts.extracted >= 100);
      await steerRun(world.temporal, workflowId, 'pause');
      await world.until(run, ({ backfill }) => backfill?.paused === true);
      await steerRun(world.temporal, workflowId, 'resume');
      await ended(world, run);
      return { [workflowId]: 'backfill-paused' };
    },
  },
  {
    makes: ['backfill-held', 'lane-waiting', 'lane-taken-over'],
    world: { worker: false, source: 'pageSize: 20', destination: 'batchSize: 20\nlimits: {calls: 1, per: 5s, concurrency: 1}', sync: 'backfill: {maxWaiting: 40}', tuning: { longWaitMs: 2_000 } },
    run: async (world) => {
      const names: Record<string, string> = {};
      const host = await world.host();
      await plantContacts(world.crm, 80);
      const { run } = await startBackfill(world.pool, world.temporal, world.config, SYNC, {});
      for (let progress: BackfillProgress | undefined; progress?.hold !== 'full';) progress = await handle(world, `backfill/${SYNC}/${run}`).query<BackfillProgress>('progress');
      await handle(world, laneOf(world)).signal('takeOver');
      names[(await ended(world, run)).workflowId] = 'backfill-held';
      await laneEnded(world);
      const waited = await handle(world, laneOf(world)).describe();
      names[`${laneOf(world)} ${waited.runId}`] = 'lane-waiting';
      // A delivery that is under way while another worker takes over.
      world.sandbox.mailingcore.setFaults({ latency: 2_500 });
      await world.crm.query(`UPDATE contacts SET city = 'Moss', updated_at = now() WHERE external_id IN ('1', '2')`);
      const changed = await startRun(world.pool, world.temporal, world.config, SYNC, { kind: 'incremental' });
      await world.until(changed.run, ({ counts }) => counts.inFlight > 0);
      await handle(world, laneOf(world)).signal('takeOver');
      await ended(world, changed.run);
      await laneEnded(world);
      names[`${laneOf(world)} ${(await handle(world, laneOf(world)).describe()).runId}`] = 'lane-taken-over';
      await host.stop();
      return names;
    },
  },
  {
    // The patches lane-attributes and verify-phase.
    makes: ['lane-attributes', 'verify-phase'],
    run: async (world) => {
      await plantContacts(world.crm, 10);
      await world.run();
      await laneEnded(world);
      return { [laneOf(world)]: 'lane-attributes', [await byHand(world, 'V3')]: 'verify-phase' };
    },
  },
  {
    makes: ['verify-by-hand', 'sync-attached'],
    world: { worker: false },
    run: async (world) => {
      await plantContacts(world.crm, 30);
      // A Schedule starts a run while another reads: it finds that one and ends.
      const open = await registerRun(world.pool, world.config, SYNC, { kind: 'incremental' }, (run) => `sync/${SYNC}/${run}`);
      await world.host();
      const attached = `sync/${SYNC}/scheduled-2026-01-01T00:05:00Z`;
      const args: [SyncInput] = [{ sync: SYNC, ...DEFAULT }];
      await (await world.temporal.client.workflow.start('sync', { workflowId: attached, taskQueue: world.temporal.taskQueue, args })).result();
      const input: [SyncInput] = [{ sync: SYNC, run: open.run, ...DEFAULT }];
      await world.temporal.client.workflow.start('sync', { workflowId: `sync/${SYNC}/${open.run}`, taskQueue: world.temporal.taskQueue, args: input });
      await ended(world, open.run);
      return { [await byHand(world, 'V2')]: 'verify-by-hand', [attached]: 'sync-attached' };
    },
  },
];

/** A verification that somebody asks for, to its end. @returns its workflow id */
async function byHand(world: World, id: string): Promise<string> {
  const workflowId = `verify/${SYNC}/${id}`;
  const args: [VerifyInput] = [{ sync: SYNC, id, against: 'source', ...DEFAULT }];
  await (await world.temporal.client.workflow.start('verify', { workflowId, taskQueue: world.temporal.taskQueue, args })).result().catch(() => undefined);
  return workflowId;
}
