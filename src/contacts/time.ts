/**
 * Times are text: ISO 8601 UTC with exactly six decimals (`2024-01-31T12:00:00.123456Z`, 27 characters).
 * A JavaScript Date would lose the microseconds a cursor needs. Because the form has a fixed width,
 * comparing two of them as text compares the times.
 */

/** The earliest time that can be written in this form. */
export const EARLIEST = '0001-01-01T00:00:00.000000Z';

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** The number in `text[start, end)`, or -1 where one of the characters is no digit. */
function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > DAYS[month - 1]!) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month !== 2 || day < 29 || leap;
}

const ZONE = /^([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?$/;

/** Seconds east of UTC; null where `zone` is no offset. */
function offsetSeconds(zone: string): number | null {
  if (zone === '' || zone === '+00' || zone === 'Z' || zone === 'z') return 0;
  const match = ZONE.exec(zone);
  if (!match) return null;
  const [, sign, hours, minutes = '0', seconds = '0'] = match;
  if (Number(hours) > 18 || Number(minutes) > 59 || Number(seconds) > 59) return null;
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === '-' ? -total : total;
}

/**
 * Reads an ISO 8601 time or Postgres's text form (`2024-01-31 12:00:00.123456+00`), or a date alone
 * (its midnight). Without an offset it is UTC. Digits past the microsecond are cut off.
 * @returns null for whatever is no time between the years 1 and 9999 (`infinity`, `0044-03-15 BC`, `soon`)
 */
export function parseTime(text: string): string | null {
  const length = text.length;
  if (length < 10 || text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return null;
  if (!isDay(digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10))) return null;
  const date = text.slice(0, 10);
  if (length === 10) return `${date}T00:00:00.000000Z`;

  const separator = text.charCodeAt(10) | 32;
  if ((separator !== 32 && separator !== 116) || text.charCodeAt(13) !== 58) return null;
  const hours = digits(text, 11, 13);
  const minutes = digits(text, 14, 16);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return null;

  let at = 16;
  let seconds = '00';
  let micros = '000000';
  if (text.charCodeAt(at) === 58) {
    const value = digits(text, 17, 19);
    if (value < 0 || value > 59) return null;
    seconds = text.slice(17, 19);
    at = 19;
    const dot = text.charCodeAt(at);
    if (dot === 46 || dot === 44) {
      const start = at + 1;
      at = start;
      while (digits(text, at, at + 1) >= 0) at++;
      if (at === start) return null;
      micros = text.slice(start, Math.min(at, start + 6)).padEnd(6, '0');
    }
  }
  const offset = offsetSeconds(text.slice(at));
  if (offset === null) return null;
  const local = `${date}T${text.slice(11, 16)}:${seconds}.${micros}Z`;
  return offset === 0 ? local : shift(local, -offset * 1000);
}

/** Moves by whole milliseconds; null where the result leaves the years 1 to 9999. */
function shift(time: string, ms: number): string | null {
  const moved = Date.parse(`${time.slice(0, 23)}Z`) + ms;
  return moved >= MIN_MS && moved <= MAX_MS ? new Date(moved).toISOString().slice(0, 23) + time.slice(23) : null;
}

const MIN_MS = Date.parse('0001-01-01T00:00:00.000Z');
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** `time` less `ms` (a non-negative whole number of milliseconds), never before {@link EARLIEST}. */
export function subtractMs(time: string, ms: number): string {
  return shift(time, -Math.round(ms)) ?? EARLIEST;
}

/** Milliseconds since 1970 as a time. */
export function microTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** The later of two times; null is no time at all. */
export function later(a: string | null, b: string | null): string | null {
  if (a === null) return b;
  return b === null || a >= b ? a : b;
}

/** The earlier of two bounds; null is "from the beginning" and so the earliest. */
export function earlier(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return null;
  return a <= b ? a : b;
}
