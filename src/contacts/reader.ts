import type { FieldsConfig, Mapped } from '../config/index.js';
import { compileConsent } from './consent.js';
import type { Consent, Contact, Json } from './contact.js';
import { compileExpression, type Pick } from './expression.js';
import { normaliseCountry } from './locale.js';
import { cleanJson, isEmpty, scalarText, storable, UNSTORABLE } from './text.js';
import { parseTime } from './time.js';
import { countryOf, emailOf, isFilled, localeOf, phoneOf, textOf, Warnings } from './values.js';

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

/** A consent column is a mapping too, and none that makes a value. */
function isExpression(mapped: unknown): boolean {
  return typeof mapped === 'object' && mapped !== null && ('from' in mapped || 'const' in mapped || 'template' in mapped);
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
  const warnings = new Warnings();
  const inColumns = (column: string): number => {
    const known = columns.indexOf(column);
    return known >= 0 ? known : columns.push(column) - 1;
  };
  const pick = (column: string): Pick<readonly unknown[]> => {
    const index = inColumns(column);
    return (values) => values[index];
  };
  // What is made of several columns, or of none, stands before a row's own values.
  const made: Pick<readonly unknown[]>[] = [];
  const { attributes: named = {}, ...own } = fields;
  const before = [...Object.values(own), ...Object.values(named)].filter(isExpression).length;
  const at = (mapped: Mapped | undefined, field: string): number => {
    if (mapped === undefined) return -1;
    if (typeof mapped === 'string') return before + inColumns(mapped);
    return made.push(compileExpression(mapped, pick, () => { warnings.add(`${field}: not in its map`); })) - 1;
  };
  const email = at(fields.email, 'email');
  const phone = at(fields.phone, 'phone');
  const locale = at(fields.locale, 'locale');
  const country = at(fields.country, 'country');
  const consentAt = at(fields.consentAt, 'consentAt');
  const deletedAt = at(fields.deletedAt, 'deletedAt');
  const previousKey = at(fields.previousKey, 'previousKey');
  const firstName = at(fields.firstName, 'firstName');
  const lastName = at(fields.lastName, 'lastName');
  const consentVersion = at(fields.consentVersion, 'consentVersion');
  const emailConsent = at(fields.emailConsent?.column, 'emailConsent');
  const smsConsent = at(fields.smsConsent?.column, 'smsConsent');
  const emailMeaning = compileConsent(fields.emailConsent ?? {});
  const smsMeaning = compileConsent(fields.smsConsent ?? {});
  const attributes = Object.entries(named).map(([name, column]) => ({ name, index: at(column, `attributes.${name}`) }));
  const attributesFrom = at(fields.attributesFrom, 'attributes');
  const always = options.attributes ?? [];
  const defaultCountry = options.defaultCountry === undefined ? null : normaliseCountry(options.defaultCountry);

  const consentOf = (value: unknown, meaning: (value: unknown) => Consent | null, field: string): Consent => {
    const consent = meaning(value);
    if (consent !== null) return consent;
    warnings.add(`${field}: not a known value`);
    return 'unknown';
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
    const { key } = row;
    const fault = keyFault(key);
    if (key === null || fault !== null) return { invalid: fault ?? 'key: missing' };

    const values = made.length === 0 ? row.values : [...made.map((make) => make(row.values)), ...row.values];
    const ownCountry = country < 0 ? undefined : countryOf(values[country], warnings);
    const region = ownCountry ?? (country >= 0 && isFilled(values[country]) ? null : defaultCountry);
    const contact: Contact = {
      key,
      email: email < 0 ? undefined : emailOf(values[email], warnings),
      phone: phone < 0 ? undefined : phoneOf(values[phone], region, warnings),
      locale: locale < 0 ? undefined : localeOf(values[locale], warnings),
      emailConsent: emailConsent < 0 ? undefined : consentOf(values[emailConsent], emailMeaning, 'emailConsent'),
      smsConsent: smsConsent < 0 ? undefined : consentOf(values[smsConsent], smsMeaning, 'smsConsent'),
      consentAt: consentAt < 0 ? undefined : timeOf(values[consentAt], 'consentAt', warnings),
      consentVersion: consentVersion < 0 ? undefined : textOf(values[consentVersion], 'consentVersion', warnings),
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
