import { parsed } from '../../http/index.js';
import type { HttpAnswer } from '../../http/index.js';
import { tokenFrom } from '../http/index.js';
import type { Token } from '../http/index.js';
import { first, loose, textOf } from './reading.js';

/** Taken where an answer says nothing usable, and the longest believed: a refused token is replaced anyway. */
const SHORTEST_GUESS = 300_000;
const LONGEST = 24 * 3_600_000;

/** doc: `{access_token, token_type, expires_in, issued, expires}`; null: no token in it. `sent`: our clock when we asked. */
export function tokenOf(answer: HttpAnswer, sent: number): Token | null {
  const top = answer.status >= 200 && answer.status < 300 ? loose(parsed(answer.body)) : null;
  const object = first(top, 'accesstoken') === undefined ? loose(first(top, 'data')) : top;
  const value = textOf(first(object, 'accesstoken'));
  if (value === null) return null;
  const life = lifeOf(instantOf(first(object, 'issued')), instantOf(first(object, 'expires')), instantOf(answer.headers['date']), Number(first(object, 'expiresin')));
  return tokenFrom(value, sent, life);
}

/**
 * How long it lives, in milliseconds. `expires` counts (in the vendor's example `expires_in` is 120 for two hours: it
 * is in minutes or wrong), measured by the platform's own clock: that of the answer (`Date`, whole seconds) or, where
 * it is later, of `issued`. Where those do not go together (a time without its zone) `issued` alone is believed.
 */
function lifeOf(issued: number | null, expires: number | null, date: number | null, expiresIn: number): number {
  const there = Math.max(issued ?? -Infinity, date ?? -Infinity);
  const candidates = [
    expires === null || there === -Infinity ? NaN : expires - there,
    expires === null || issued === null ? NaN : expires - issued,
    expiresIn * 1000,
  ];
  return Math.min(candidates.find((life) => life > 0 && Number.isFinite(life)) ?? SHORTEST_GUESS, LONGEST);
}

/** ISO (without a zone: UTC), RFC 1123, or unix seconds or milliseconds. */
function instantOf(value: unknown): number | null {
  if (typeof value === 'number') return value > 100_000_000_000 ? value : value * 1000;
  if (typeof value !== 'string') return null;
  if (/^\d{9,13}$/.test(value)) return instantOf(Number(value));
  const time = Date.parse(/^\d{4}-\d\d-\d\d[T ][\d:.]+$/.test(value) ? `${value}Z` : value);
  return Number.isNaN(time) ? null : time;
}
