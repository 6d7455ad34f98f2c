import type { Config } from '../../config/index.js';
import { idsOf } from '../ids.js';
import type { Orchestrator } from '../start.js';
import { definitionOf, optionsOf, scheduleWords } from './definition.js';
import { foundFacts, timesWords, wantedFacts } from './facts.js';
import { findSchedule, listedSyncs } from './find.js';

/** What `apply` does about one sync. */
export interface ScheduleChange {
  readonly sync: string;
  readonly action: 'create' | 'change' | 'remove' | 'none';
  /** As it is to be, in words; null: there is to be none. */
  readonly schedule: string | null;
  /** As Temporal has it; null: there is none. */
  readonly before: string | null;
  readonly differences: readonly { readonly what: string; readonly from: string; readonly to: string }[];
  /** It is halted, and stays so. */
  readonly paused: boolean;
}

/**
 * The difference between the configuration and Temporal, by sync; syncs without a Schedule on either side are left out.
 * @param only a sync; null: all of the configuration, and those that left it
 * @throws ForeignSchedule where another installation has a Schedule of the same name
 */
export async function compareSchedules(temporal: Orchestrator, config: Config, only: string | null): Promise<readonly ScheduleChange[]> {
  const syncs = only === null ? [...new Set([...Object.keys(config.syncs), ...(await listedSyncs(temporal))])] : [only];
  const changes = await Promise.all(syncs.map((sync) => compare(temporal, config, sync)));
  return changes.filter((change) => change !== undefined);
}

async function compare(temporal: Orchestrator, config: Config, sync: string): Promise<ScheduleChange | undefined> {
  const wanted = definitionOf(config, sync);
  const schedule = wanted === undefined ? null : scheduleWords(wanted.schedule);
  // A name that another installation uses is no matter to a sync that wants no Schedule.
  const found = await findSchedule(temporal, sync).catch((error: unknown) => {
    if (wanted === undefined && error instanceof Error && error.name === 'ForeignSchedule') return undefined;
    throw error;
  });
  if (found === undefined) return wanted === undefined ? undefined : { sync, action: 'create', schedule, before: null, differences: [], paused: false };
  const { description } = found;
  const before = timesWords(description.spec);
  const { paused } = description.state;
  if (wanted === undefined) return { sync, action: 'remove', schedule, before, differences: [], paused };
  const is = foundFacts(description);
  const differences = Object.entries(wantedFacts(temporal, wanted)).flatMap(([what, to]) => (is[what] === to ? [] : [{ what, from: is[what] ?? '', to }]));
  return { sync, action: differences.length === 0 ? 'none' : 'change', schedule, before, differences, paused };
}

/** Makes the differences that were shown. What is paused stays paused. */
export async function makeSchedules(temporal: Orchestrator, config: Config, changes: readonly ScheduleChange[]): Promise<void> {
  const { schedule } = temporal.client;
  for (const { sync, action } of changes) {
    const wanted = definitionOf(config, sync);
    if (action === 'remove') await schedule.getHandle(idsOf(temporal).schedule(sync)).delete();
    if (wanted === undefined || action === 'none') continue;
    const { scheduleId, memo, ...options } = optionsOf(temporal, wanted);
    if (action === 'create') await schedule.create({ scheduleId, memo, ...options });
    else await schedule.getHandle(scheduleId).update(({ state: { paused, note } }) => ({ ...options, state: { paused, ...(note === undefined ? {} : { note }) } }));
  }
}
