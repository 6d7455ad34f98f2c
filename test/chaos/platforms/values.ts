import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/min';
import type { CrmRow } from '../crm.js';

/** The e-mail with its domain in lower case. */
export function emailOf({ email }: CrmRow): string {
  const at = email.lastIndexOf('@');
  return email.slice(0, at) + email.slice(at).toLowerCase();
}

/** The phone as E.164; null: none, or possible nowhere. */
export function phoneOf({ phone, country }: CrmRow): string | null {
  const number = phone === null || country === null ? undefined : parsePhoneNumberFromString(phone, { defaultCountry: country as CountryCode, extract: false });
  return number?.isPossible() === true ? number.number : null;
}

/** Without what is empty: cleared and never set are the same. */
export function filled(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== ''));
}
