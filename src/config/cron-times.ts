import { CRON_FIELDS, cronNumber } from './cron.js';

/** Numbers from `start` to `end`, each `step`-th. */
export interface CronRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The five fields of a cron expression; weekdays from 0, which is Sunday. */
export interface CronTimes {
  readonly minute: readonly CronRange[];
  readonly hour: readonly CronRange[];
  readonly dayOfMonth: readonly CronRange[];
  readonly month: readonly CronRange[];
  readonly dayOfWeek: readonly CronRange[];
}

/** The times of a well-formed cron expression. Where it names days of the month and weekdays, both must hold. */
export function cronTimes(text: string): CronTimes {
  const [minute, hour, dayOfMonth, month, dayOfWeek] = text.trim().split(/\s+/).map((field, i) => field.split(',').map((part) => rangeOf(part, i)));
  return { minute, hour, dayOfMonth, month, dayOfWeek: dayOfWeek?.flatMap(sundayFirst) } as CronTimes;
}

function rangeOf(part: string, index: number): CronRange {
  const field = CRON_FIELDS[index] as (typeof CRON_FIELDS)[number];
  const [range = '*', step] = part.split('/');
  // The weekday 7 is Sunday again, which is there as 0.
  const last = index === WEEKDAY ? 6 : field.max;
  if (range === '*' || range === '?') return { start: field.min, end: last, step: Number(step ?? 1) };
  const [from, to] = range.split('-').map((end) => cronNumber(end, field) as number) as [number, number?];
  // `5/10` goes on to the end of the field, as in every cron.
  return { start: from, end: to ?? (step === undefined ? from : last), step: Number(step ?? 1) };
}

const WEEKDAY = 4;

function sundayFirst(range: CronRange): readonly CronRange[] {
  if (range.end < 7) return [range];
  return numbersOf([range]).map((day) => ({ start: day % 7, end: day % 7, step: 1 }));
}

/** The numbers in some ranges, ascending, each once. */
export function numbersOf(ranges: readonly CronRange[]): readonly number[] {
  const numbers = new Set<number>();
  for (const { start, end, step } of ranges) for (let number = start; number <= end; number += step) numbers.add(number);
  return [...numbers].sort((a, b) => a - b);
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A leap year and the four years after it: every date there is. */
const FIRST_DAY = Date.UTC(2024, 0, 1);
const DAYS = 1827;

/**
 * Shortest and longest time between two fires of a cron expression, in milliseconds, by a clock that knows no daylight
 * saving. Of one that fires once or never: a day.
 */
export function cronGaps(text: string): { readonly shortest: number; readonly longest: number } {
  const times = cronTimes(text);
  const hours = numbersOf(times.hour);
  const minutes = numbersOf(times.minute);
  const fires = hours.flatMap((hour) => minutes.map((minute) => (hour * 60 + minute) * MINUTE_MS));
  const [months, dates, weekdays] = [times.month, times.dayOfMonth, times.dayOfWeek].map((ranges) => new Set(numbersOf(ranges))) as [Set<number>, Set<number>, Set<number>];
  const gaps = new Set(fires.slice(1).map((fire, i) => fire - (fires[i] as number)));
  let last: number | undefined;
  for (let day = 0; day < DAYS; day += 1) {
    const midnight = FIRST_DAY + day * DAY_MS;
    const date = new Date(midnight);
    if (!months.has(date.getUTCMonth() + 1) || !dates.has(date.getUTCDate()) || !weekdays.has(date.getUTCDay())) continue;
    if (last !== undefined) gaps.add(midnight + (fires[0] as number) - last);
    last = midnight + (fires.at(-1) as number);
  }
  return gaps.size === 0 ? { shortest: DAY_MS, longest: DAY_MS } : { shortest: Math.min(...gaps), longest: Math.max(...gaps) };
}

/**
 * Milliseconds since the `count`-th last fire of a cron expression before `now` (milliseconds since 1970), by the clock on
 * the wall of its time zone: an hour more or less where that was changed since. null: it did not fire so often in a year.
 */
export function cronAgo(text: string, timeZone: string, now: number, count: number): number | null {
  const times = cronTimes(text);
  const fires = numbersOf(times.hour).flatMap((hour) => numbersOf(times.minute).map((minute) => (hour * 60 + minute) * MINUTE_MS)).reverse();
  const [months, dates, weekdays] = [times.month, times.dayOfMonth, times.dayOfWeek].map((ranges) => new Set(numbersOf(ranges))) as [Set<number>, Set<number>, Set<number>];
  const wall = wallOf(timeZone, now);
  let left = count;
  for (let midnight = Math.floor(wall / DAY_MS) * DAY_MS, day = 0; day < 366; day += 1, midnight -= DAY_MS) {
    const date = new Date(midnight);
    if (!months.has(date.getUTCMonth() + 1) || !dates.has(date.getUTCDate()) || !weekdays.has(date.getUTCDay())) continue;
    for (const fire of fires) {
      if (midnight + fire > wall) continue;
      left -= 1;
      if (left === 0) return wall - midnight - fire;
    }
  }
  return null;
}

/** What a clock on the wall shows, as milliseconds since 1970 of a clock that shows UTC. */
function wallOf(timeZone: string, at: number): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part['year'] as number, (part['month'] as number) - 1, part['day'], part['hour'], part['minute'], part['second']);
}
