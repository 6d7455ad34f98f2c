import type { FieldsConfig } from '../config/index.js';
import { compileConsent } from './consent.js';
import type { Consent, Contact, Json } from './contact.js';
import { normaliseEmail } from './email.js';
import { normaliseCountry, normaliseLocale } from './locale.js';
import { normalisePhone } from './phone.js';
import { cleanJson, isEmpty, scalarText, storable, UNSTORABLE } from './text.js';
import { parseTime } from './time.js';

/** What the reader needs of a source's row. */
export interface ReadableRow {
  readonly key: string | null;
  readonly values: readonly unknown[];
  readonly fault?: string;
}

/** A contact with its warnings (reasons in words, without values), or why the row is none. */
export type Built = { readonly contact: Contact; readonly warnings: readonly string[] } | { readonly invalid: string };

export interface ContactReader {
  /** Source columns (or JSON paths) in the order the rows' `values` must have, each once. */
  readonly columns: readonly string[];
  /** Never throws, whatever the row holds. */
  read(row: ReadableRow): Built;
}

const NO_WARNINGS: readonly string[] = Object.freeze([]);
const MAX_KEY = 512;
const CONTROL = /\p{Cc}/u;
const LONE_SURROGATE = /\p{Surrogate}/u;
const ASCII_KEY = /^[\x21-\x7e]{1,512}$/;

/** Why a key cannot be used; null where it can. */
function keyFault(key: string | null): string | null {
  if (key === null) return 'key: missing';
  if (ASCII_KEY.test(key)) return null;
  if (key.trim() === '') return 'key: missing';
  if (key.length > MAX_KEY) return `key: longer than ${MAX_KEY} characters`;
  if (CONTROL.test(key)) return 'key: control characters in it';
  return LONE_SURROGATE.test(key) ? 'key: not valid text' : null;
}

/** One row's warnings; allocates only when there is one. */
class Warnings {
  private list: string[] | null = null;
  add(warning: string): null {
    (this.list ??= []).push(warning);
    return null;
  }
  take(): readonly string[] {
    const { list } = this;
    this.list = null;
    return list ?? NO_WARNINGS;
  }
}

/** True unless the value is empty or blank. */
function isFilled(value: unknown): boolean {
  return !isEmpty(value) && (typeof value !== 'string' || value.trim() !== '');
}

/** Text of a mapped field, trimmed; null where empty. */
function textOf(value: unknown, field: string, warnings: Warnings): string | null {
  if (isEmpty(value)) return null;
  const text = scalarText(value);
  if (text === null) return warnings.add(`${field}: not text`);
  const safe = storable(text);
  if (safe !== text) warnings.add(`${field}: ${UNSTORABLE}`);
  return safe.trim() || null;
}

function timeOf(value: unknown, field: string, warnings: Warnings): string | null {
  if (isEmpty(value) || value === false) return null;
  if (typeof value !== 'string') return warnings.add(`${field}: not a usable time`);
  const text = value.trim();
  return text === '' ? null : (parseTime(text) ?? warnings.add(`${field}: not a usable time`));
}

function previousKeyOf(value: unknown, key: string, warnings: Warnings): string | null {
  if (!isFilled(value)) return null;
  const text = scalarText(value);
  if (text === null || keyFault(text) !== null) return warnings.add('previousKey: not a usable key');
  return text === key ? null : text;
}

/**
 * Compiles a source's mapping into a function that makes contacts of its rows.
 * @param options.defaultCountry region of phones where the contact has no country; a country that is there but
 * cannot be understood does not fall back on it, as a region that does not fit makes wrong numbers
 * @param options.attributes attributes that every contact shall have, empty where an object of `attributesFrom` has none:
 * what a destination has a column for must not come and go from contact to contact
 */
export function compileContactReader(fields: FieldsConfig, options: { readonly defaultCountry?: string; readonly attributes?: readonly string[] } = {}): ContactReader {
  const columns: string[] = [];
  const at = (column: string | undefined): number => {
    if (column === undefined) return -1;
    const known = columns.indexOf(column);
    return known >= 0 ? known : columns.push(column) - 1;
  };
  const email = at(fields.email);
  const phone = at(fields.phone);
  const locale = at(fields.locale);
  const country = at(fields.country);
  const consentAt = at(fields.consentAt);
  const deletedAt = at(fields.deletedAt);
  const previousKey = at(fields.previousKey);
  const firstName = at(fields.firstName);
  const lastName = at(fields.lastName);
  const emailConsent = at(fields.emailConsent?.column);
  const smsConsent = at(fields.smsConsent?.column);
  const emailMeaning = compileConsent(fields.emailConsent ?? {});
  const smsMeaning = compileConsent(fields.smsConsent ?? {});
  const attributes = Object.entries(fields.attributes ?? {}).map(([name, column]) => ({ name, index: at(column) }));
  const attributesFrom = at(fields.attributesFrom);
  const always = options.attributes ?? [];
  const defaultCountry = options.defaultCountry === undefined ? null : normaliseCountry(options.defaultCountry);
  const warnings = new Warnings();

  const consentOf = (value: unknown, meaning: (value: unknown) => Consent | null, field: string): Consent => {
    const consent = meaning(value);
    if (consent !== null) return consent;
    warnings.add(`${field}: not a known value`);
    return 'unknown';
  };

  const emailOf = (value: unknown): string | null => {
    if (!isFilled(value)) return null;
    const text = scalarText(value);
    return (text === null ? null : normaliseEmail(text)) ?? warnings.add('email: not a valid address');
  };

  const countryOf = (value: unknown): string | null => {
    if (!isFilled(value)) return null;
    const text = scalarText(value);
    return (text === null ? null : normaliseCountry(text)) ?? warnings.add('country: not a two-letter country code');
  };

  const localeOf = (value: unknown): string | null => {
    if (!isFilled(value)) return null;
    const text = scalarText(value);
    return (text === null ? null : normaliseLocale(text)) ?? warnings.add('locale: not a language');
  };

  const phoneOf = (value: unknown, region: string | null): string | null => {
    if (!isFilled(value)) return null;
    const text = scalarText(value);
    return (text === null ? null : normalisePhone(text, region)) ?? warnings.add('phone: not possible for its country');
  };

  const attributesOf = (values: readonly unknown[]): Record<string, Json> => {
    const result: Record<string, Json> = {};
    for (const { name, index } of attributes) {
      const { value, fault } = cleanJson(values[index]);
      if (fault !== null) warnings.add(`attributes.${name}: ${fault}`);
      result[name] = value;
    }
    if (attributesFrom < 0) return result;
    addMembers(result, values[attributesFrom]);
    for (const name of always) if (!Object.hasOwn(result, name)) result[name] = null;
    return result;
  };

  // Warnings name no member: its name came with the row.
  const addMembers = (result: Record<string, Json>, members: unknown): void => {
    if (isEmpty(members)) return;
    if (typeof members !== 'object' || Array.isArray(members)) {
      warnings.add('attributes: not an object');
      return;
    }
    for (const [written, member] of Object.entries(members)) {
      const name = storable(written);
      const { value, fault } = cleanJson(member);
      if (fault !== null || name !== written) warnings.add(`attributes: ${fault ?? UNSTORABLE}`);
      // Assigned to, that name would be lost without a word.
      if (name === '__proto__') warnings.add('attributes: a name that cannot be used');
      else if (!Object.hasOwn(result, name)) result[name] = value;
    }
  };

  const read = (row: ReadableRow): Built => {
    if (row.fault !== undefined) return { invalid: row.fault };
    const { key, values } = row;
    const fault = keyFault(key);
    if (key === null || fault !== null) return { invalid: fault ?? 'key: missing' };

    const ownCountry = country < 0 ? undefined : countryOf(values[country]);
    const region = ownCountry ?? (country >= 0 && isFilled(values[country]) ? null : defaultCountry);
    const contact: Contact = {
      key,
      email: email < 0 ? undefined : emailOf(values[email]),
      phone: phone < 0 ? undefined : phoneOf(values[phone], region),
      locale: locale < 0 ? undefined : localeOf(values[locale]),
      emailConsent: emailConsent < 0 ? undefined : consentOf(values[emailConsent], emailMeaning, 'emailConsent'),
      smsConsent: smsConsent < 0 ? undefined : consentOf(values[smsConsent], smsMeaning, 'smsConsent'),
      consentAt: consentAt < 0 ? undefined : timeOf(values[consentAt], 'consentAt', warnings),
      country: ownCountry,
      firstName: firstName < 0 ? undefined : textOf(values[firstName], 'firstName', warnings),
      lastName: lastName < 0 ? undefined : textOf(values[lastName], 'lastName', warnings),
      deletedAt: deletedAt < 0 ? undefined : timeOf(values[deletedAt], 'deletedAt', warnings),
      previousKey: previousKey < 0 ? undefined : previousKeyOf(values[previousKey], key, warnings),
      attributes: attributes.length === 0 && attributesFrom < 0 ? undefined : attributesOf(values),
    };
    return { contact, warnings: warnings.take() };
  };

  return { columns, read };
}
