import { ScheduleOverlapPolicy, type CalendarSpec, type ScheduleOptions, type ScheduleOptionsStartWorkflowAction, type ScheduleSpec } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { cronGaps, cronTimes, formatDurationExact, type Config, type CronRange, type SyncConfig } from '../../config/index.js';
import { destinationAttribute, syncAttribute, type SyncInput } from '../../../workflows/names.js';
import { idsOf } from '../ids.js';
import { TASK_TIMEOUT_MS, type Orchestrator } from '../start.js';

const SECOND_MS = 1_000;
/** Temporal knows no shorter catch-up window. */
const SHORTEST_CATCH_UP_MS = 10_000;
const LONGEST_JITTER_MS = 30_000;
/** How long before the next start a run closes as delivering at the latest. */
const MARGIN_MS = 5_000;

/** What a Schedule of a sync is to be. Milliseconds. */
export interface ScheduleDefinition {
  readonly sync: string;
  readonly destination: string;
  readonly schedule: NonNullable<SyncConfig['schedule']>;
  /** Each start is later by up to so much, so that not all syncs of an installation begin in the same second. */
  readonly jitter: number;
  /** A start that was missed is made up for when it is no older. */
  readonly catchUp: number;
  readonly settleWithin: number;
}

/** The Schedule the configuration asks for; undefined where it asks for none. */
export function definitionOf(config: Config, name: string): ScheduleDefinition | undefined {
  const sync = Object.hasOwn(config.syncs, name) ? config.syncs[name] : undefined;
  if (sync?.schedule === undefined) return undefined;
  // Temporal counts whole seconds.
  const schedule = 'every' in sync.schedule ? { every: Math.round(sync.schedule.every / SECOND_MS) * SECOND_MS } : sync.schedule;
  const { shortest, longest } = 'every' in schedule ? { shortest: schedule.every, longest: schedule.every } : cronGaps(schedule.cron);
  const jitter = Math.floor(Math.min(shortest / 20, LONGEST_JITTER_MS) / SECOND_MS) * SECOND_MS;
  return {
    sync: name, destination: sync.destination, schedule, jitter,
    // One gap and no more: of all that was missed only the last start is still within it.
    catchUp: Math.max(SHORTEST_CATCH_UP_MS, longest + jitter),
    // A run that were still open at the next start would have it skipped.
    settleWithin: sync.settleWithin ?? shortest - jitter - Math.min(MARGIN_MS, shortest / 10),
  };
}

/** A schedule in words: `every 5m`, `0 9 * * 1-5 (Europe/Paris)`. */
export function scheduleWords(schedule: NonNullable<SyncConfig['schedule']>): string {
  if ('every' in schedule) return `every ${formatDurationExact(schedule.every)}`;
  return `${schedule.cron} (${schedule.timeZone ?? 'UTC'})`;
}

export const MONTHS = ['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const;
export const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

/** A cron expression as Temporal keeps it, with its text as the comment: what comes back can be read and compared. */
export function calendarOf(cron: string): CalendarSpec {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = cronTimes(cron);
  return {
    minute: [...minute], hour: [...hour], dayOfMonth: [...dayOfMonth],
    month: month.map((range) => named(range, (number) => MONTHS[number - 1] as (typeof MONTHS)[number])),
    dayOfWeek: dayOfWeek.map((range) => named(range, (number) => WEEKDAYS[number] as (typeof WEEKDAYS)[number])),
    comment: cron,
  };
}

const named = <Name extends string>({ start, end, step }: CronRange, nameOf: (number: number) => Name): { start: Name; end: Name; step: number } =>
  ({ start: nameOf(start), end: nameOf(end), step });

function specOf({ schedule, jitter }: ScheduleDefinition): ScheduleSpec {
  const times = 'every' in schedule ? { intervals: [{ every: schedule.every }] } : { calendars: [calendarOf(schedule.cron)], timezone: schedule.timeZone ?? 'UTC' };
  return { ...times, jitter };
}

type Action = ScheduleOptionsStartWorkflowAction<Workflow>;

/** What Temporal is told. */
export function optionsOf(temporal: Orchestrator, definition: ScheduleDefinition): ScheduleOptions<Action> {
  const { sync, destination, settleWithin, catchUp } = definition;
  const input: SyncInput = { sync, settleWithin, attributes: temporal.attributes };
  const found = temporal.attributes ? { typedSearchAttributes: [{ key: syncAttribute, value: sync }, { key: destinationAttribute, value: destination }] } : {};
  return {
    scheduleId: idsOf(temporal).schedule(sync),
    spec: specOf(definition),
    action: {
      type: 'startWorkflow', workflowType: 'sync', workflowId: idsOf(temporal).scheduled(sync), taskQueue: temporal.taskQueue, args: [input],
      workflowTaskTimeout: TASK_TIMEOUT_MS, staticSummary: `a scheduled run of ${sync}`, ...found,
    },
    // Pausing is decided after several failures, not by Temporal after the first.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: catchUp, pauseOnFailure: false },
    memo: { taskQueue: temporal.taskQueue },
    ...found,
  };
}
