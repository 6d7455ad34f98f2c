import type { Json } from './contact.js';

/** What a value gave: `fault` says in words what was wrong with it, and never holds the value. */
export interface Cleaned<T> {
  readonly value: T;
  readonly fault: string | null;
}

export const UNSTORABLE = 'characters that cannot be stored were left out';

// Surrogates are searched by code unit first: the test is quick, and only text with astral characters pays for more.
const SUSPECT = /[\0\ud800-\udfff]/;
const NUL_OR_LONE = /\0|\p{Surrogate}/gu;

/**
 * Leaves out what Postgres text and UTF-8 cannot hold: NUL characters and halves of surrogate pairs.
 * The same string comes back where there is nothing to leave out.
 */
export function storable(text: string): string {
  return SUSPECT.test(text) ? text.replace(NUL_OR_LONE, '') : text;
}

/** A scalar as text; null where it is an object or a list, which is no text. */
export function scalarText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return null;
}

/** True for what counts as empty in every field. */
export function isEmpty(value: unknown): value is null | undefined | '' {
  return value === null || value === undefined || value === '';
}

/** An attribute's value made safe to store and send; what JSON cannot say counts as empty. */
export function cleanJson(value: unknown): Cleaned<Json> {
  if (typeof value === 'string') {
    const text = storable(value);
    return { value: text === '' ? null : text, fault: text === value ? null : UNSTORABLE };
  }
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return { value, fault: null };
  if (typeof value === 'bigint') return { value: String(value), fault: null };
  if (isEmpty(value)) return { value: null, fault: null };
  if (typeof value !== 'object') return { value: null, fault: 'not a value JSON can hold' };
  return cleanObject(value);
}

function cleanObject(value: object): Cleaned<Json> {
  let changed = false;
  const strip = (text: string): string => {
    const safe = storable(text);
    if (safe !== text) changed = true;
    return safe;
  };
  try {
    // A round trip through JSON: whatever was in it, what comes out is JSON. Too deep or circular throws.
    const copy = JSON.parse(JSON.stringify(value), (_key, item: unknown) => {
      if (typeof item === 'string') return strip(item);
      if (item === null || typeof item !== 'object' || Array.isArray(item)) return item;
      if (!Object.keys(item).some((name) => SUSPECT.test(name))) return item;
      return Object.fromEntries(Object.entries(item).map(([name, part]) => [strip(name), part]));
    }) as Json;
    return { value: copy, fault: changed ? UNSTORABLE : null };
  } catch {
    return { value: null, fault: 'not a value JSON can hold' };
  }
}
