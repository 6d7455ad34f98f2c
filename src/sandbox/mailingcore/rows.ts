import type { ContactRow } from './store.js';

/** doc: the locales the platform takes. */
const LOCALES = new Set(['es', 'en', 'it', 'fr', 'ca', 'de']);
const EMAIL = /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/;

export const INVALID_EMAIL = 'invalid email';

/**
 * Checks one row as it came; returns the fault in the platform's words, or null. Written by hand because it runs
 * for every row of a benchmark. A fault names the field, never its value.
 */
export function faultOf(row: unknown): string | null {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return 'contact must be an object';
  let addressed = false;
  for (const name in row) {
    const value = (row as Record<string, unknown>)[name];
    switch (name) {
      case 'email':
        if (typeof value !== 'string' || value.length > 254 || !EMAIL.test(value)) return INVALID_EMAIL;
        addressed = true;
        break;
      case 'externalId':
        if (typeof value !== 'string' || value.length === 0) return 'externalId must be a non-empty string';
        if (value.length > 128) return 'externalId must be at most 128 characters';
        addressed = true;
        break;
      case 'locale':
        if (value !== null && !(typeof value === 'string' && LOCALES.has(value))) return 'locale must be one of es, en, it, fr, ca, de';
        break;
      case 'optIn':
        if (typeof value !== 'boolean') return 'optIn must be a boolean';
        break;
      case 'attributes':
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'attributes must be an object';
        break;
      case 'consentVersion':
      case 'source':
        if (typeof value !== 'string' || value.length > 64) return `${name} must be a string of at most 64 characters`;
        break;
      case 'projectId':
        if (typeof value !== 'string') return 'projectId must be a string';
        break;
      default:
        // The name is echoed only where it looks like one: a caller's slip must not put a value into a message.
        return /^[A-Za-z_]{1,32}$/.test(name) ? `property ${name} should not exist` : 'unknown property';
    }
  }
  return addressed ? null : 'externalId or email is required';
}

/** Narrows a row that {@link faultOf} found no fault in. */
export function isRow(row: unknown): row is ContactRow {
  return faultOf(row) === null;
}
