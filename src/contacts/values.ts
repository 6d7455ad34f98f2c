import { normaliseEmail } from './email.js';
import { normaliseCountry, normaliseLocale } from './locale.js';
import { normalisePhone } from './phone.js';
import { isEmpty, scalarText, storable, UNSTORABLE } from './text.js';

const NO_WARNINGS: readonly string[] = Object.freeze([]);

/** One row's warnings; allocates only when there is one. */
export class Warnings {
  private list: string[] | null = null;
  add(warning: string): null {
    (this.list ??= []).push(warning);
    return null;
  }
  /** Hands them over and begins anew. */
  take(): readonly string[] {
    const { list } = this;
    this.list = null;
    return list ?? NO_WARNINGS;
  }
}

/** True unless the value is empty or blank. */
export function isFilled(value: unknown): boolean {
  return !isEmpty(value) && (typeof value !== 'string' || value.trim() !== '');
}

/** Text of a mapped field, trimmed; null where empty. */
export function textOf(value: unknown, field: string, warnings: Warnings): string | null {
  if (isEmpty(value)) return null;
  const text = scalarText(value);
  if (text === null) return warnings.add(`${field}: not text`);
  const safe = storable(text);
  if (safe !== text) warnings.add(`${field}: ${UNSTORABLE}`);
  return safe.trim() || null;
}

/** An address in normal form; null, with a warning, where it is none. */
export function emailOf(value: unknown, warnings: Warnings): string | null {
  if (!isFilled(value)) return null;
  const text = scalarText(value);
  return (text === null ? null : normaliseEmail(text)) ?? warnings.add('email: not a valid address');
}

/** A country's code in capitals; null, with a warning, where it is none. */
export function countryOf(value: unknown, warnings: Warnings): string | null {
  if (!isFilled(value)) return null;
  const text = scalarText(value);
  return (text === null ? null : normaliseCountry(text)) ?? warnings.add('country: not a two-letter country code');
}

/** A base language; null, with a warning, where it is none. */
export function localeOf(value: unknown, warnings: Warnings): string | null {
  if (!isFilled(value)) return null;
  const text = scalarText(value);
  return (text === null ? null : normaliseLocale(text)) ?? warnings.add('locale: not a language');
}

/** A phone as E.164; null, with a warning, where it is not possible. @param region its country where it has no `+`; null: none */
export function phoneOf(value: unknown, region: string | null, warnings: Warnings): string | null {
  if (!isFilled(value)) return null;
  const text = scalarText(value);
  return (text === null ? null : normalisePhone(text, region)) ?? warnings.add('phone: not possible for its country');
}
