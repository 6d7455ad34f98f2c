import { memo } from './memo.js';

const TAG = /^([a-z]{2,3})(?:[-_.@][a-z0-9_.@-]*)?$/;

/**
 * The base language of a language code, BCP 47 tag or POSIX locale, in lower case: `fr-CA`, `FR`, `fr_FR.UTF-8` → `fr`.
 * @returns null where it does not have the form of one
 */
export const normaliseLocale = memo<string | null>(10_000, (text) => TAG.exec(text.trim().toLowerCase())?.[1] ?? null);

const COUNTRY = /^[A-Z]{2}$/;

/** An ISO 3166 alpha-2 code in upper case; null where it does not have the form of one. */
export const normaliseCountry = memo<string | null>(10_000, (text) => {
  const code = text.trim().toUpperCase();
  return COUNTRY.test(code) ? code : null;
});
