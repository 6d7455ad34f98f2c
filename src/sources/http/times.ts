import type { HttpSourceConfig } from '../../config/index.js';
import { microTime, parseTime } from '../../contacts/index.js';

/** Numbers from here on are milliseconds since 1970 (1973), below it seconds (until the year 5138). */
const MILLISECONDS = 100_000_000_000;

/** A time as an API writes it: ISO 8601, or seconds or milliseconds since 1970 (a number, or digits as text); null where it is none. */
export function timeOf(value: unknown): string | null {
  if (typeof value === 'string') {
    const text = value.trim();
    return /^\d{9,16}(\.\d+)?$/.test(text) ? ofNumber(Number(text)) : parseTime(text);
  }
  return typeof value === 'number' ? ofNumber(value) : null;
}

function ofNumber(value: number): string | null {
  const ms = Math.abs(value) >= MILLISECONDS ? value : value * 1000;
  return Number.isFinite(ms) && Math.abs(ms) < 250_000_000_000_000 ? microTime(Math.floor(ms)) : null;
}

/**
 * A bound as the API wants it, in its unit. The lower one is a unit early and the upper one rounded up, so that it
 * does not matter whether the API takes them as inclusive.
 */
export function boundOf(time: string, side: 'since' | 'until', format: HttpSourceConfig['sinceFormat']): string | number {
  const ms = Date.parse(time.slice(0, 23) + 'Z');
  const unit = format === 'epoch' ? 1000 : 1;
  const whole = side === 'since' ? Math.floor(ms / unit) - 1 : Math.ceil((ms + 1) / unit);
  return format === 'iso' ? new Date(Math.max(whole, Date.parse('0001-01-01T00:00:00Z'))).toISOString() : whole;
}
