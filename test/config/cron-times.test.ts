import { expect, test } from 'vitest';
import { cronAgo, cronGaps, cronTimes, numbersOf } from '../../src/config/index.js';

const HOUR = 3_600_000;

test('the gaps between the fires of a cron expression are those of a calendar', () => {
  expect(cronGaps('*/5 * * * *')).toEqual({ shortest: HOUR / 12, longest: HOUR / 12 });
  expect(cronGaps('0 9 * * 1-5')).toEqual({ shortest: 24 * HOUR, longest: 72 * HOUR });
  expect(cronGaps('0 9,17 * * *')).toEqual({ shortest: 8 * HOUR, longest: 16 * HOUR });
  expect(cronGaps('0 0 1 * *')).toEqual({ shortest: 28 * 24 * HOUR, longest: 31 * 24 * HOUR });
  expect(cronGaps('0 0 29 FEB *').longest).toBe(1461 * 24 * HOUR);
  expect(cronGaps('0 0 30 2 *')).toEqual({ shortest: 24 * HOUR, longest: 24 * HOUR });
});

test('names, steps, question marks and the seventh weekday mean what they do in every cron', () => {
  const { minute, dayOfMonth, month, dayOfWeek } = cronTimes('5/20 0 ? jan,MAR-MAY 5-7');
  expect(numbersOf(minute)).toEqual([5, 25, 45]);
  expect(numbersOf(dayOfMonth)).toHaveLength(31);
  expect(numbersOf(month)).toEqual([1, 3, 4, 5]);
  expect(numbersOf(dayOfWeek)).toEqual([0, 5, 6]);
  expect(numbersOf(cronTimes('* * * * */2').dayOfWeek)).toEqual([0, 2, 4, 6]);
});

test('how long ago the last fires were, by the clock on the wall of the zone', () => {
  const monday = Date.UTC(2026, 5, 1, 7, 35, 10);
  // In Paris it is 9:35:10, on a Monday after a weekend.
  expect(cronAgo('*/15 9-17 * * MON-FRI', 'Europe/Paris', monday, 1)).toBe(5 * 60_000 + 10_000);
  expect(cronAgo('*/15 9-17 * * MON-FRI', 'Europe/Paris', monday, 3)).toBe(35 * 60_000 + 10_000);
  expect(cronAgo('*/15 9-17 * * MON-FRI', 'Europe/Paris', monday, 4)).toBe(63 * HOUR + 50 * 60_000 + 10_000);
  expect(cronAgo('0 0 30 2 *', 'UTC', monday, 1)).toBeNull();
});
