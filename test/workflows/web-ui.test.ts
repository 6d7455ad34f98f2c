import { defaultPayloadConverter } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBackfill, startRetry, startRun, startVerification } from '../../src/control/index.js';
import type { LaneProgress } from '../../workflows/names.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
let lane: string;
beforeAll(async () => {
  world = await createWorld({ worker: false, destination: 'limits: {calls: 1, per: 60s, concurrency: 1, read: {calls: 1000, per: 1s}}', tuning: { longWaitMs: 2_000 } });
  lane = `lane/${world.config.destinations['newsletter']?.account ?? ''}`;
  await plantContacts(world.crm, 10);
});
afterAll(async () => { await world.close(); });

const SYNC = 'crm-newsletter';
const handle = (workflowId: string) => world.runtime.client.workflow.getHandle(workflowId);

/** Ids of what the Web UI's list shows for a filter. */
async function found(filter: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of world.runtime.client.workflow.list({ query: `TaskQueue = '${world.runtime.taskQueue}' AND ${filter}` })) ids.push(workflowId);
  return ids.sort();
}

/** What its user metadata tab shows while it runs. */
async function details(workflowId: string): Promise<string> {
  return (await handle(workflowId).query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
}

/** Summaries of its timers. */
async function timers(workflowId: string): Promise<readonly string[]> {
  const { events } = await handle(workflowId).fetchHistory();
  return (events ?? []).flatMap(({ timerStartedEventAttributes, userMetadata }) =>
    timerStartedEventAttributes && userMetadata?.summary ? [defaultPayloadConverter.fromPayload<string>(userMetadata.summary)] : []);
}

test('before a worker has taken them up, workflows are found by sync, destination, kind and phase, and say what they are', async () => {
  const { run } = await startRun(world.pool, world.temporal, world.config, SYNC, { kind: 'incremental' });
  const backfill = await startBackfill(world.pool, world.temporal, world.config, SYNC, {});
  const retry = await startRetry(world.pool, world.temporal, world.config, SYNC, { reason: null, keys: null });
  await startVerification(world.temporal, world.config, SYNC, 'V1', { against: 'source' });
  const all = [`backfill/${SYNC}/${backfill.run}`, `retry/${SYNC}/${retry.run}`, `sync/${SYNC}/${run}`, `verify/${SYNC}/V1`];
  await expect.poll(() => found(`SynclineSync = '${SYNC}' AND SynclineDestination = 'newsletter'`), { timeout: 60_000 }).toEqual(all);
  for (const [filter, id] of [['incremental', all[2]], ['backfill', all[0]], ['retry', all[1]], ['verify', all[3]]]) expect(await found(`SynclineKind = '${filter ?? ''}'`)).toEqual([id]);
  expect(await found(`SynclinePhase = 'opening'`)).toEqual(all.slice(0, 3));
  const { staticSummary, staticDetails } = await handle(all[2] ?? '').describe().then(async (one) => ({ staticSummary: await one.staticSummary(), staticDetails: await one.staticDetails() }));
  expect(staticSummary).toBe(`a run (incremental) of ${SYNC}`);
  expect(staticDetails).toContain(`syncline runs show ${run}`);
  await world.host();
  await Promise.all(all.map((id) => handle(id).result()));
  await expect.poll(() => found(`SynclinePhase = 'closed' AND SynclineRejected = 0`), { timeout: 60_000 }).toEqual(all.slice(0, 3));
  expect(await handle(all[3] ?? '').query('progress')).toMatchObject({ phase: 'closed', verification: { verdict: expect.any(String) as string } });
});

test('a lane that waits says why, for how long and what it did last, in its timer, its details, its query and the list', async () => {
  await world.crm.query(`UPDATE contacts SET city = 'Moss', updated_at = now() WHERE external_id = '1'`);
  const { run } = await startRun(world.pool, world.temporal, world.config, SYNC, { kind: 'incremental' });
  await expect.poll(async () => (await timers(lane)).at(-1), { timeout: 60_000 }).toMatch(/^waiting \d+ s: newsletter allows one call a minute$/);
  expect(await handle(lane).query<LaneProgress>('progress')).toMatchObject({
    state: 'waiting', reason: 'newsletter allows one call a minute', until: expect.stringMatching(/^20..-.*Z$/) as string,
    recent: [{ destination: 'newsletter', rows: 10, delivered: 10, status: 'settled', httpStatus: 200 }],
  });
  expect(await details(lane)).toMatch(/· waiting until 20[\s\S]*allows one call a minute[\s\S]*10 rows to newsletter, 10 delivered/);
  expect(await details(`sync/${SYNC}/${run}`)).toMatch(/1 waiting/);
  expect((await timers(`sync/${SYNC}/${run}`)).at(-1)).toBe('rows that wait for the lane: 1, under way: 0; looking again');
  await expect.poll(() => found(`SynclineKind = 'lane' AND SynclinePhase = 'waiting' AND SynclineDestination = 'newsletter'`), { timeout: 60_000 }).toEqual([lane]);
});

test('what fails says why in its first line, keeps the cause, and holds no stack', async () => {
  await world.crm.query('ALTER TABLE contacts RENAME COLUMN email TO mail');
  const { run } = await startRun(world.pool, world.temporal, world.config, SYNC, { kind: 'incremental' });
  const verification = await startVerification(world.temporal, world.config, SYNC, 'V2', { against: 'source' });
  for (const [id, type] of [[`sync/${SYNC}/${run}`, 'RunFailed'], [verification.workflowId, 'VerificationFailed']] as const) {
    await handle(id).result().catch(() => undefined);
    const history = await handle(id).fetchHistory();
    const failure = history.events?.at(-1)?.workflowExecutionFailedEventAttributes?.failure;
    expect(failure).toMatchObject({ message: expect.stringContaining('no column "email"') as string, applicationFailureInfo: { type }, cause: { message: expect.stringContaining('no column "email"') as string } });
    const text = historyToJSON(history);
    expect(text).not.toMatch(/"stackTrace":\s*"[^"]/);
    expect(text).not.toMatch(/\.[cm]?[jt]s:\d+/);
    expect(await details(id)).toContain('no column "email"');
  }
  await expect.poll(() => found(`SynclineKind = 'verify' AND SynclinePhase = 'failed'`), { timeout: 60_000 }).toEqual([verification.workflowId]);
});
