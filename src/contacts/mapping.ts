import type { FieldsConfig, Mapped, MappingConfig } from '../config/index.js';
import type { Contact, Json } from './contact.js';
import { compileExpression, type Pick } from './expression.js';
import { normaliseCountry } from './locale.js';
import type { ContactReader } from './reader.js';
import { cleanJson } from './text.js';
import { countryOf, emailOf, localeOf, phoneOf, textOf, Warnings } from './values.js';

/** What a sync's mapping needs to know of its source. */
interface MappedSource {
  readonly fields: FieldsConfig;
  readonly defaultCountry?: string;
}

const ATTRIBUTE = 'attributes.';

/** Contact fields a mapping can read, besides attributes. */
export const READABLE_FIELDS = [
  'key', 'email', 'phone', 'locale', 'country', 'firstName', 'lastName', 'emailConsent', 'smsConsent', 'consentAt', 'consentVersion',
] as const satisfies readonly (keyof Contact)[];

/**
 * How a mapping reads a name: a contact field that the source maps, else the attribute of that name; `attributes.NAME`
 * is always the attribute.
 */
export function pickOf(fields: FieldsConfig): (name: string) => Pick<Contact> {
  return (name) => {
    if (name.startsWith(ATTRIBUTE)) return attribute(name.slice(ATTRIBUTE.length));
    const known = READABLE_FIELDS.find((field) => field === name);
    return known !== undefined && (known === 'key' || fields[known] !== undefined) ? (contact) => contact[known] : attribute(name);
  };
}

function attribute(name: string): Pick<Contact> {
  return ({ attributes }) => (attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined);
}

/**
 * A source's reader whose contacts go through a sync's mapping. Every field is made of the contact as the source gave
 * it, so the order of the fields means nothing; what is not mapped stays as it was.
 */
export function mapContacts(reader: ContactReader, mapping: MappingConfig, source: MappedSource): ContactReader {
  const map = compileMapping(mapping, source);
  return {
    columns: reader.columns,
    read: (row) => {
      const built = reader.read(row);
      if ('invalid' in built) return built;
      const mapped = map(built.contact);
      return mapped.warnings.length === 0 ? { contact: mapped.contact, warnings: built.warnings } : { contact: mapped.contact, warnings: [...built.warnings, ...mapped.warnings] };
    },
  };
}

/** Compiles a sync's mapping. Pure; warnings name field and reason, never a value. */
export function compileMapping(mapping: MappingConfig, source: MappedSource): (contact: Contact) => { readonly contact: Contact; readonly warnings: readonly string[] } {
  const warnings = new Warnings();
  const pick = pickOf(source.fields);
  const compile = (field: string, mapped: Mapped): Pick<Contact> =>
    typeof mapped === 'string' ? pick(mapped) : compileExpression(mapped, pick, () => { warnings.add(`${field}: not in its map`); });
  const defaultCountry = source.defaultCountry === undefined ? null : normaliseCountry(source.defaultCountry);
  // An empty country may have been one that nobody understands: a region that does not fit makes wrong numbers.
  const regionOf = ({ country }: Contact): string | null => (country === undefined ? defaultCountry : country);

  type Field = 'email' | 'locale' | 'country' | 'firstName' | 'lastName' | 'consentVersion' | 'phone';
  const forms: Readonly<Record<Field, (value: unknown, contact: Contact) => string | null>> = {
    // First of all: a phone belongs to the country that goes out with it.
    country: (value) => countryOf(value, warnings),
    email: (value) => emailOf(value, warnings),
    phone: (value, contact) => phoneOf(value, regionOf(contact), warnings),
    locale: (value) => localeOf(value, warnings),
    firstName: (value) => textOf(value, 'firstName', warnings),
    lastName: (value) => textOf(value, 'lastName', warnings),
    consentVersion: (value) => textOf(value, 'consentVersion', warnings),
  };
  const fields = (Object.keys(forms) as Field[]).flatMap((field) => {
    const mapped = mapping[field];
    return mapped === undefined ? [] : [{ field, read: compile(field, mapped), form: forms[field] }];
  });
  const attributes = Object.entries(mapping.attributes ?? {}).map(([name, mapped]) => ({ name, read: compile(`${ATTRIBUTE}${name}`, mapped) }));

  return (contact) => {
    const result: { -readonly [K in keyof Contact]: Contact[K] } = { ...contact };
    for (const { field, read, form } of fields) result[field] = form(read(contact), result);
    if (attributes.length > 0) {
      const own: Record<string, Json> = { ...contact.attributes };
      for (const { name, read } of attributes) {
        const { value, fault } = cleanJson(read(contact));
        if (fault !== null) warnings.add(`${ATTRIBUTE}${name}: ${fault}`);
        own[name] = value;
      }
      result.attributes = own;
    }
    return { contact: result, warnings: warnings.take() };
  };
}
