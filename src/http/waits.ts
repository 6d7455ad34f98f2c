import type { HttpAnswer } from './client.js';

type Headers = HttpAnswer['headers'];

/** A wait longer than a day is a slip of the platform, and taken for none told. */
const LONGEST = 24 * 3_600_000;

/**
 * How long to wait after a 429, in milliseconds; null where the platform does not say.
 * unknown: whether Retry-After is sent, as seconds or a date; doc: X-RateLimit-Reset in unix seconds. Clocks differ,
 * so absolute times are measured from the answer's own Date where there is one.
 */
export function retryAfter(headers: Headers, now: number): number | null {
  const there = dateOf(headers['date']) ?? now;
  const told = headers['retry-after']?.trim();
  if (told !== undefined && told !== '') {
    if (/^\d+(\.\d+)?$/.test(told)) return within(Number(told) * 1000);
    const date = dateOf(told);
    if (date !== null) return within(date - there);
  }
  const reset = resetOf(headers, there);
  return reset === null ? null : within(reset - there);
}

/** When a quota is fresh again, ISO; null where neither body nor headers say (doc: only limit, used and percentage). */
export function quotaUntil(quota: unknown, headers: Headers, now: number): string | null {
  const body = typeof quota === 'object' && quota !== null ? (quota as Record<string, unknown>) : {};
  for (const name of ['resetsAt', 'resetAt', 'reset', 'until', 'periodEnd']) {
    const value = body[name];
    const time = typeof value === 'string' ? dateOf(value) : typeof value === 'number' ? instant(value, now) : null;
    if (time !== null && Math.abs(time) <= 8.64e15) return new Date(time).toISOString();
  }
  // X-RateLimit-Reset is the minute's, not the month's; only Retry-After can mean the quota.
  const wait = headers['retry-after'] === undefined ? null : retryAfter({ 'retry-after': headers['retry-after'] }, now);
  return wait === null ? null : new Date(now + wait).toISOString();
}

function resetOf(headers: Headers, there: number): number | null {
  const text = headers['x-ratelimit-reset']?.trim();
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text)) return null;
  return instant(Number(text), there);
}

/** Unix seconds, unix milliseconds, or (small numbers) seconds from now. */
function instant(value: number, now: number): number {
  if (value < 10_000_000) return now + value * 1000;
  return value > 100_000_000_000 ? value : value * 1000;
}

function within(ms: number): number | null {
  if (ms > LONGEST) return null;
  return Math.max(0, Math.ceil(ms));
}

function dateOf(text: string | undefined): number | null {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
