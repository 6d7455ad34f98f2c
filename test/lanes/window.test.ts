import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeliveryWindow } from '../../src/config/index.js';
import { opening, throughWindow, windowAt } from '../../src/lanes/window.js';

const MINUTE = 60_000;
const YEAR = Date.UTC(2026, 0, 1);
const clocks = new Map<string, Intl.DateTimeFormat>();
const clock = (at: number, timeZone: string): { time: string; day: string } => {
  const format = clocks.get(timeZone) ?? new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  clocks.set(timeZone, format);
  const [day, time] = format.format(at).split(/,? /) as [string, string];
  return { time, day };
};
const NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** The rule in plain words, read off a clock. */
function expected({ from, to, timeZone, days = [0, 1, 2, 3, 4, 5, 6] }: DeliveryWindow, at: number): boolean {
  const { time, day } = clock(at, timeZone);
  const minutes = Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  const today = NAMES.indexOf(day);
  if (from < to) return minutes >= from && minutes < to && days.includes(today);
  return (minutes >= from && days.includes(today)) || (minutes < to && days.includes((today + 6) % 7));
}

const window = fc.record({
  from: fc.integer({ min: 0, max: 1439 }), length: fc.integer({ min: 1, max: 1438 }),
  timeZone: fc.constantFrom('Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Santiago', 'UTC'),
  days: fc.option(fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }), { nil: undefined }),
}).map(({ from, length, timeZone, days }): DeliveryWindow => ({ from, to: (from + length) % 1440, timeZone, ...(days && { days }) }));

describe('a delivery window', () => {
  it('is open at every hour of a year exactly when a clock on the wall says so', () => {
    for (const checked of [{ from: 480, to: 1200, timeZone: 'Europe/Paris' }, { from: 1320, to: 120, timeZone: 'Australia/Lord_Howe' }]) {
      const wrong: string[] = [];
      for (let at = YEAR; at < YEAR + 365 * 1440 * MINUTE; at += 60 * MINUTE) {
        if (windowAt(checked, at).open !== expected(checked, at)) wrong.push(new Date(at).toISOString());
      }
      expect(wrong).toEqual([]);
    }
  });

  it('changes exactly when it says, and not before, at any minute of any day', () => {
    fc.assert(fc.property(window, fc.integer({ min: 0, max: 365 * 1440 * 60 }), (given, second) => {
      const now = YEAR + second * 1000;
      const state = windowAt(given, now);
      const inMs = state.open ? state.closesInMs : state.opensInMs;
      expect(inMs).toBeGreaterThan(0);
      expect(state.open).toBe(expected(given, now));
      expect(expected(given, now + inMs)).toBe(!state.open);
      expect(expected(given, now + inMs - 1)).toBe(state.open);
      // Nothing in between: looked at every seven minutes.
      for (let at = now; at < now + inMs; at += 7 * MINUTE) if (expected(given, at) !== state.open) throw new Error(new Date(at).toISOString());
    }), { numRuns: 100 });
  });

  it('opens with the change where the clock is put forward over its opening, and has the doubled hour twice', () => {
    const night: DeliveryWindow = { from: 150, to: 240, timeZone: 'Europe/Paris' };
    // 29 March 2026, 02:00 becomes 03:00 at 01:00 UTC.
    const spring = Date.UTC(2026, 2, 29, 0, 30);
    expect(windowAt(night, spring)).toEqual({ open: false, opensInMs: 30 * MINUTE });
    expect(opening(night, spring + 30 * MINUTE)).toBe('03:00 Europe/Paris');
    // 25 October 2026, 03:00 becomes 02:00 at 01:00 UTC: 02:30 to 03:00 is there twice, with a gap between.
    const autumn = Date.UTC(2026, 9, 25, 0, 30);
    expect(windowAt(night, autumn)).toEqual({ open: true, closesInMs: 30 * MINUTE });
    expect(windowAt(night, autumn + 30 * MINUTE)).toEqual({ open: false, opensInMs: 30 * MINUTE });
    expect(windowAt(night, autumn + 60 * MINUTE)).toEqual({ open: true, closesInMs: 90 * MINUTE });
  });

  it('counts only its own time for work that takes longer than it is open', () => {
    const day: DeliveryWindow = { from: 480, to: 540, timeZone: 'UTC' };
    const hour = 60 * MINUTE;
    expect(throughWindow(day, YEAR + 8 * hour, hour / 2)).toBe(hour / 2);
    expect(throughWindow(day, YEAR + 8 * hour + hour / 2, hour)).toBe(24 * hour);
    expect(throughWindow(day, YEAR, 2.5 * hour)).toBe((2 * 24 + 8) * hour + hour / 2);
  });
});
