import type { ScheduleDescription, ScheduleSpecDescription } from '@temporalio/client';
import { isDeepStrictEqual } from 'node:util';
import { formatDurationExact, numbersOf } from '../../config/index.js';
import type { SyncInput } from '../../../workflows/names.js';
import { idsOf } from '../ids.js';
import { TASK_TIMEOUT_MS, type Orchestrator } from '../start.js';
import { calendarOf, MONTHS, scheduleWords, WEEKDAYS, type ScheduleDefinition } from './definition.js';

/** What can differ between the configuration and Temporal, by name, in words. */
export type Facts = Readonly<Record<string, string>>;

/** What the configuration asks for. */
export function wantedFacts({ taskQueue, attributes, prefix }: Orchestrator, { sync, destination, schedule, jitter, catchUp, settleWithin }: ScheduleDefinition): Facts {
  return {
    'schedule': scheduleWords(schedule), 'jitter': formatDurationExact(jitter), 'catch-up window': formatDurationExact(catchUp),
    'settle within': formatDurationExact(settleWithin), 'overlap': 'SKIP', 'pause after one failure': 'false', 'task queue': taskQueue,
    'starts': startsWords('sync', idsOf({ prefix }).scheduled(sync), sync, attributes, TASK_TIMEOUT_MS), 'destination': attributes ? destination : '', 'actions left': 'unlimited',
  };
}

/** What Temporal has, changes by hand included. */
export function foundFacts({ spec, policies, action, state }: ScheduleDescription): Facts {
  const input = (action.args?.[0] ?? {}) as Partial<SyncInput>;
  const destination = action.typedSearchAttributes;
  return {
    'schedule': timesWords(spec), 'jitter': formatDurationExact(Number(spec.jitter ?? 0)), 'catch-up window': formatDurationExact(policies.catchupWindow),
    'settle within': input.settleWithin === undefined ? 'never' : formatDurationExact(input.settleWithin), 'overlap': policies.overlap ?? 'SKIP',
    'pause after one failure': String(policies.pauseOnFailure), 'task queue': action.taskQueue ?? '',
    'starts': startsWords(action.workflowType, action.workflowId ?? '', input.sync ?? '', input.attributes === true, Number(action.workflowTaskTimeout ?? 0)),
    'destination': destinationIn(destination), 'actions left': state.remainingActions === undefined ? 'unlimited' : String(state.remainingActions),
  };
}

function destinationIn(attributes: ScheduleDescription['action']['typedSearchAttributes']): string {
  const pairs = attributes === undefined ? [] : Array.isArray(attributes) ? attributes : attributes.getAll();
  const value: unknown = pairs.find(({ key }) => key.name === 'SynclineDestination')?.value;
  return typeof value === 'string' ? value : '';
}

const startsWords = (type: string, id: string, sync: string, attributes: boolean, taskTimeout: number): string =>
  `${type} ${id} of ${sync}${attributes ? ', searchable' : ''}, tasks within ${formatDurationExact(taskTimeout)}`;

/** The times of a Schedule in words; those nobody of us wrote are `other times`. */
export function timesWords({ intervals = [], calendars = [], skip = [], timezone, startAt, endAt }: ScheduleSpecDescription): string {
  const [interval] = intervals;
  const [calendar] = calendars;
  if (skip.length > 0 || startAt !== undefined || endAt !== undefined || intervals.length + calendars.length !== 1) return 'other times';
  if (interval !== undefined) return interval.offset ? 'other times' : scheduleWords({ every: interval.every });
  const cron = calendar?.comment ?? '';
  if (calendar === undefined || cron === '' || calendar.year.length > 0 || !isDeepStrictEqual(flat(calendarOf(cron)), flat(calendar))) return 'other times';
  return scheduleWords({ cron, ...(timezone ? { timeZone: timezone } : {}) });
}

type NamedRange = { readonly start: number | string; readonly end: number | string; readonly step: number };

/** Each field as the numbers it takes, however they are put together. */
function flat(calendar: object): unknown {
  const { minute, hour, dayOfMonth, month, dayOfWeek } = calendar as Readonly<Record<string, readonly NamedRange[] | undefined>>;
  return [numbers(minute), numbers(hour), numbers(dayOfMonth), numbers(month, MONTHS), numbers(dayOfWeek, WEEKDAYS)];
}

function numbers(ranges: readonly NamedRange[] = [], names: readonly string[] = []): readonly number[] {
  const numberOf = (value: number | string): number => (typeof value === 'number' ? value : names.indexOf(value));
  return numbersOf(ranges.map(({ start, end, step }) => ({ start: numberOf(start), end: numberOf(end), step })));
}
