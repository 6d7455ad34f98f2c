import type { Contact } from './contact.js';
import { normaliseCountry, normaliseLocale } from './locale.js';

/** Contact field (or `attributes.NAME`) → allowed values; all fields must match. */
export type FilterConfig = Readonly<Record<string, readonly (string | number | boolean | null)[]>>;

/** Contact fields a filter can name, besides `attributes.NAME`. */
export const FILTER_FIELDS = [
  'key', 'email', 'phone', 'locale', 'country', 'emailConsent', 'smsConsent',
  'consentAt', 'consentVersion', 'firstName', 'lastName', 'deletedAt', 'previousKey',
] as const satisfies readonly (keyof Contact)[];

type FilterField = (typeof FILTER_FIELDS)[number];

const ATTRIBUTE = 'attributes.';

/**
 * Compiles a sync's filter into a predicate. Values are compared as text (`1` matches `"1"`: a CSV knows only text);
 * `null` matches an empty or unmapped field. Locales and countries are brought to the contact's own form first.
 * @throws Error naming a field that does not exist
 */
export function compileFilter(filter: FilterConfig | undefined): (contact: Contact) => boolean {
  const tests = Object.entries(filter ?? {}).map(([field, values]) => compileTest(field, values));
  if (tests.length === 0) return () => true;
  return (contact) => tests.every((test) => test(contact));
}

function compileTest(field: string, values: FilterConfig[string]): (contact: Contact) => boolean {
  const pick = picker(field);
  const empty = values.includes(null);
  const texts = new Set(values.filter((value) => value !== null).map((value) => inForm(field, String(value))));
  return (contact) => {
    const value = pick(contact);
    if (value === null || value === undefined) return empty;
    return texts.has(typeof value === 'object' ? JSON.stringify(value) : String(value));
  };
}

function picker(field: string): (contact: Contact) => unknown {
  if (field.startsWith(ATTRIBUTE)) {
    const name = field.slice(ATTRIBUTE.length);
    return (contact) => contact.attributes?.[name];
  }
  const known = FILTER_FIELDS.find((name) => name === field) satisfies FilterField | undefined;
  if (known === undefined) {
    throw new Error(`filter: there is no contact field "${field}"; there are ${FILTER_FIELDS.join(', ')} and attributes.NAME`);
  }
  return (contact) => contact[known];
}

function inForm(field: string, value: string): string {
  if (field === 'locale') return normaliseLocale(value) ?? value;
  if (field === 'country') return normaliseCountry(value) ?? value;
  return value;
}
