import { afterAll, beforeAll, expect, test } from 'vitest';
import { look } from '../../src/alerts/look.js';
import { compareSchedules, findSchedule, heal, makeSchedules, resumeSchedule, schedulesStanding, triggerSchedule, type FoundSchedule } from '../../src/control/index.js';
import type { Config, SyncConfig } from '../../src/config/index.js';
import { audit, listRuns, setPaused, type RunDocument } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

/** More starts are waited for. */
const LONG = process.env['SYNCLINE_LONG'] === '1';

let world: World;
let sync: string;
let syncs: Record<string, SyncConfig>;

beforeAll(async () => {
  world = await createWorld({ worker: false });
  // Schedules are of the namespace, which the suite shares: a name of its own.
  sync = `crm-${world.runtime.taskQueue}`;
  syncs = world.config.syncs;
  syncs[sync] = { ...(world.config.syncs['crm-newsletter'] as SyncConfig), name: sync };
  delete syncs['crm-newsletter'];
  await plantContacts(world.crm, 20);
});
afterAll(async () => {
  await world.runtime.client.schedule.getHandle(`syncline/${sync}`).delete().catch(() => undefined);
  await world.close();
});

/** Changes the configuration, as worker and command see it. */
const configure = (change: Partial<SyncConfig>): void => { syncs[sync] = { ...(syncs[sync] as SyncConfig), ...change }; };

async function apply(config: Config = world.config): Promise<readonly string[]> {
  const changes = await compareSchedules(world.temporal, config, null);
  await makeSchedules(world.temporal, config, changes);
  return changes.map(({ action }) => action);
}

const schedule = async (): Promise<FoundSchedule> => (await findSchedule(world.temporal, sync)) as FoundSchedule;
/** What somebody would be told of just now. */
const wrong = async (): Promise<readonly (readonly [string, string | null])[]> =>
  (await look(world.pool, world.temporal, world.config, { channels: [], late: 3, rejects: { above: 0.05, least: 20 }, optOuts: { older: 3_600_000 }, quiet: 0 }))
    .troubles.map(({ event, subject, command }) => [event, (command ?? '').replace(/ 01\S+$/, ' RUN').replace(subject, 'SYNC')] as const);
const runs = async (): Promise<readonly Omit<RunDocument, 'batches'>[]> => listRuns(world.pool, sync, 50);

async function until<T>(look: () => Promise<T>, reached: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (reached(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('what was applied is what the configuration asks for: a second apply finds nothing; a change, and a hand at Temporal, are found; a sync that is gone takes its schedule along', async () => {
  configure({ schedule: { cron: '*/15 9-17 * * MON-FRI', timeZone: 'Europe/Paris' } });
  expect(await apply()).toEqual(['create']);
  expect(await apply()).toEqual(['none']);
  const { policies, spec } = (await schedule()).description;
  // From Friday 17:45 to Monday 9:00, and the jitter.
  expect(policies).toMatchObject({ overlap: 'SKIP', catchupWindow: (63 * 60 + 15) * 60_000 + 30_000 });
  expect(spec).toMatchObject({ timezone: 'Europe/Paris', jitter: 30_000 });

  configure({ schedule: { every: 300_000 } });
  const [difference] = await compareSchedules(world.temporal, world.config, sync);
  expect(difference).toMatchObject({ action: 'change', before: '*/15 9-17 * * MON-FRI (Europe/Paris)', schedule: 'every 5m' });
  await (await schedule()).handle.pause('stays');
  expect(await apply()).toEqual(['change']);
  expect(await apply()).toEqual(['none']);
  expect((await schedule()).description.state).toMatchObject({ paused: true, note: 'stays' });

  await (await schedule()).handle.update(({ spec: times, action, state }) => ({ spec: times, action, state, policies: { overlap: 'ALLOW_ALL' } }));
  expect((await compareSchedules(world.temporal, world.config, sync))[0]?.differences.map(({ what }) => what)).toEqual(['catch-up window', 'overlap']);

  const elsewhere = { ...world.temporal, taskQueue: 'of-somebody-else' };
  await expect(compareSchedules(elsewhere, world.config, sync)).rejects.toThrow(/belongs to another installation/);
  const without = { ...world.config, syncs: {} };
  expect(await compareSchedules(elsewhere, without, null)).toEqual([]);
  // Temporal's list lags behind.
  await until(() => compareSchedules(world.temporal, without, null), (changes) => changes.length === 1);
  expect(await apply(without)).toEqual(['remove']);
  expect(await findSchedule(world.temporal, sync)).toBeUndefined();
});

test('whoever was down catches up once, then runs start on time; the first reads the whole source, as that is due', async () => {
  configure({ schedule: { every: 1_000 }, full: { every: 86_400_000 } });
  await apply();
  const waited = await until(schedule, ({ description }) => description.info.numActionsSkippedOverlap >= (LONG ? 12 : 1));
  expect(waited.description.info.numActionsTaken).toBe(1);
  await world.host();
  const since = Date.now();
  const enough = LONG ? 6 : 2;
  const ended = await until(runs, (all) => all.filter(({ status }) => status === 'completed').length >= enough);
  // One for all that was missed, then one a second at most.
  expect(ended.length).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - since) / 1_000));
  const { info } = (await schedule()).description;
  for (const { scheduledAt, takenAt } of info.recentActions.slice(1)) expect(takenAt.getTime() - scheduledAt.getTime()).toBeLessThan(LONG ? 1_500 : 15_000);
  expect(ended.map(({ kind }) => kind).reverse().slice(0, 2)).toEqual(['full', 'incremental']);
  expect(world.sandbox.mailingcore.size()).toBe(20);
  const [standing] = await schedulesStanding(world.pool, world.temporal, world.config);
  expect(standing).toMatchObject({ sync, state: 'active', upToDate: true, schedule: 'every 1s', starts: { missed: 0 } });
  expect(standing?.nextRun).not.toBeNull();
}, 240_000);

test('three failed runs in a row pause the schedule with the reason; resumed, it takes three again', async () => {
  await world.crm.query('ALTER TABLE contacts RENAME COLUMN locale TO language');
  const halted = await until(schedule, ({ description }) => description.state.paused);
  expect(halted.description.state.note).toMatch(/^paused after 3 failed runs in a row: .*locale/);
  expect(await wrong()).toEqual([['runFailed', 'syncline runs show RUN'], ['schedulePaused', 'syncline schedule resume SYNC']]);
  const failed = async (): Promise<number> => (await runs()).filter(({ status }) => status === 'failed').length;
  expect(await failed()).toBe(3);
  await resumeSchedule(halted, 'try again');
  if (LONG) {
    await until(schedule, ({ description }) => description.state.paused);
    expect(await failed()).toBe(6);
    await resumeSchedule(halted, 'once more');
  }
  // Far enough apart that no third one fails before the table is as it was.
  configure({ schedule: { every: 5_000 } });
  expect(await apply()).toEqual(['change']);
  const before = await failed();
  await until(failed, (now) => now > before);
  await world.crm.query('ALTER TABLE contacts RENAME COLUMN language TO locale');
  expect((await schedule()).description.state.paused).toBe(false);
  await until(runs, ([last]) => last?.status === 'completed');
}, 240_000);

test('a run asked for while another is open is skipped; one that may wait no longer closes as delivering, and when its last row is done its verification follows', async () => {
  const account = world.config.destinations['newsletter']?.account ?? '';
  configure({ schedule: { every: 3_600_000 }, settleWithin: 8_000, verify: { after: 'run', locales: { en: 1 }, tolerance: 0, confidence: 0.95, maxError: 0.01 } });
  expect(await apply()).toEqual(['change']);
  await until(schedule, ({ description }) => description.info.runningActions.length === 0);
  await world.crm.query(`UPDATE contacts SET city = 'Bergen', updated_at = now()`);
  await setPaused(world.pool, account, true);
  expect(await triggerSchedule(await schedule())).toMatch(new RegExp(`^sync/${sync}/scheduled-`));
  expect(await triggerSchedule(await schedule())).toBeNull();
  const [left] = await until(runs, ([run]) => run?.status === 'delivering');
  expect(left).toMatchObject({ endedAt: null, verification: null });
  await setPaused(world.pool, account, false);
  await heal(world.pool, world.temporal);
  const verified = await world.until(left?.run ?? '', ({ verification }) => verification !== null);
  expect(verified).toMatchObject({ status: 'completed', verification: { verdict: 'pass' } });
  expect((await audit(world.pool, null)).balanced).toBe(true);
  // Somebody is told when three of its starts have come without a run, and not before; also where its Schedule is gone.
  await world.pool.query(`UPDATE run SET started_at = started_at - interval '2 hours'`);
  expect(await wrong()).toEqual([]);
  await (await schedule()).handle.delete();
  expect(await wrong()).toEqual([]);
  await world.pool.query(`UPDATE run SET started_at = started_at - interval '70 minutes'`);
  expect(await wrong()).toEqual([['runLate', 'syncline schedule apply SYNC']]);
});
