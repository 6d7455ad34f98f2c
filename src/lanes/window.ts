import type { DeliveryWindow } from '../config/index.js';

/** Whether a window is open at some moment, and until when it stays so. Milliseconds. */
export type WindowState = { readonly open: true; readonly closesInMs: number } | { readonly open: false; readonly opensInMs: number };

const MINUTE = 60_000;
const DAY = 1440;
/** Clocks are only ever changed at a whole quarter of an hour: between two of them, minutes here are minutes there. */
const QUARTER = 15 * MINUTE;
/** A week and a day: a window opens on some day of each week. */
const FARTHEST = 8 * 96;

const formats = new Map<string, Intl.DateTimeFormat>();
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** What a clock on the wall shows: minutes after midnight, with their fraction, and the day, Sunday 0. */
function wall(timeZone: string, at: number): { readonly minutes: number; readonly day: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', weekday: 'short', hour: '2-digit', minute: '2-digit' });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const past = ((at % MINUTE) + MINUTE) % MINUTE;
  return { minutes: Number(parts['hour']) * 60 + Number(parts['minute']) + past / MINUTE, day: WEEKDAYS.indexOf(parts['weekday'] as string) };
}

const opensOn = (window: DeliveryWindow, day: number): boolean => window.days === undefined || window.days.includes(day);

function isOpen(window: DeliveryWindow, at: number): boolean {
  const { minutes, day } = wall(window.timeZone, at);
  if (window.from < window.to) return minutes >= window.from && minutes < window.to && opensOn(window, day);
  // Over midnight: what is left of it in the morning belongs to the day before.
  return (minutes >= window.from && opensOn(window, day)) || (minutes < window.to && opensOn(window, (day + 6) % 7));
}

/** When the window or the day may change next: never later than it does. */
function nextEdge({ from, to, timeZone }: DeliveryWindow, at: number): number {
  const { minutes } = wall(timeZone, at);
  const ahead = Math.min(...[from, to, DAY].map((edge) => ((edge - minutes + DAY - 1e-9) % DAY) + 1e-9));
  const edge = Math.ceil(at + ahead * MINUTE - 1e-3);
  const quarter = Math.floor(at / QUARTER) * QUARTER + QUARTER;
  // Where the clock there shows what was reckoned, it was not changed in between.
  const off = Math.abs(wall(timeZone, edge).minutes - minutes - ahead) % DAY;
  const reckoned = off < 0.01 || DAY - off < 0.01;
  return edge <= quarter || reckoned ? edge : quarter;
}

/**
 * How a window stands at a moment (milliseconds since 1970). By the clock on the wall: where it is put forward over the
 * opening, the window opens with the change; where it is put back, the hour that comes twice is in it twice. Pure.
 */
export function windowAt(window: DeliveryWindow, now: number): WindowState {
  const open = isOpen(window, now);
  let at = now;
  for (let step = 0; step < FARTHEST; step += 1) {
    at = nextEdge(window, at);
    if (isOpen(window, at) !== open) return open ? { open, closesInMs: at - now } : { open, opensInMs: at - now };
  }
  return open ? { open, closesInMs: at - now } : { open, opensInMs: at - now };
}

/** `08:00 Europe/Paris`: what opens a window that is closed, in words. */
export function opening({ timeZone }: DeliveryWindow, at: number): string {
  const { minutes } = wall(timeZone, at);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${two(minutes / 60)}:${two(minutes % 60)} ${timeZone}`;
}

/** Milliseconds after which so much time has passed within the window. Beyond a year it is only counted on. */
export function throughWindow(window: DeliveryWindow, now: number, workMs: number): number {
  let at = now;
  let left = workMs;
  for (let turn = 0; turn < 800 && left > 0; turn += 1) {
    const state = windowAt(window, at);
    if (!state.open) {
      at += state.opensInMs;
    } else if (left <= state.closesInMs) {
      return at + left - now;
    } else {
      left -= state.closesInMs;
      at += state.closesInMs;
    }
  }
  return at + Math.max(left, 0) - now;
}
