import type { Contact, Json } from '../../contacts/index.js';
import { CONSENT } from '../contract.js';
import type { ConsentCode, OutgoingRow, Prepared, Unsendable } from '../contract.js';
import { LOCALES, MAX_CONSENT_VERSION, MAX_KEY } from './config.js';

/**
 * How contacts are recognised there.
 *
 * `externalId` (doc: the upsert key where present): the contact's key goes out with every row.
 *
 * `email`: for contacts the platform already holds without an externalId. A row that carried both would be looked up
 * by its externalId, not found, and refused because its e-mail is held by another contact (doc). So rows go out
 * without externalId and the platform matches them by e-mail. The key is not attached by this: only
 * `PATCH /contacts/{id}` could do it, one call a contact. Hence in this mode the mode stays while contacts there have
 * no externalId, verification matches by e-mail, a changed e-mail makes a second contact, and an erasure (doc: by
 * externalId only) cannot be sent.
 */
export type MatchBy = 'externalId' | 'email';

const NO_WARNINGS: readonly string[] = [];
const LOCALE_WARNING: readonly string[] = ['locale: not one MailingCore takes'];
const VERSION_WARNING = `consentVersion: longer than ${MAX_CONSENT_VERSION} characters, the most MailingCore takes`;
const NO_EMAIL: Unsendable = { invalid: 'email: missing, MailingCore addresses contacts by e-mail' };
const NO_KEY: Unsendable = { invalid: 'key: missing' };
const LONG_KEY: Unsendable = { invalid: `key: longer than ${MAX_KEY} characters, the most MailingCore takes` };

/** Last in `fields`, so that it can be cut off without parsing: the only place where the text can end like this. */
const EMPTY_LOCALE = '"locale":null}';

const CODES: Readonly<Record<string, ConsentCode>> = CONSENT;

/**
 * Maps one contact (pure, on the hot path: text is put together by hand).
 * `fields` is `{"email":…,"attributes":{…sorted…},"consentVersion":…,"locale":…}`; consent and key are added when it is sent.
 * unknown: whether a null takes a consentVersion back, or costs the contact. An empty one is left out: what somebody once
 * agreed to stays as it was said.
 */
export function prepare(contact: Contact, matchBy: MatchBy): Prepared | Unsendable {
  if (contact.key === '') return NO_KEY;
  if (contact.key.length > MAX_KEY && matchBy === 'externalId') return LONG_KEY;
  const emailConsent = consentCode(contact.emailConsent);
  const email = contact.email ?? null;
  // An opt-out of a contact that is known there needs only its key; anything else needs the address.
  const onlyIfKnown = email === null;
  if (onlyIfKnown && (emailConsent !== CONSENT.denied || matchBy === 'email')) return NO_EMAIL;

  let fields = email === null ? '{' : `{"email":${JSON.stringify(email)}`;
  const attributes = attributesText(contact);
  if (attributes !== '') fields += `${fields === '{' ? '' : ','}"attributes":${attributes}`;
  let warnings = NO_WARNINGS;
  const version = contact.consentVersion ?? null;
  if (version !== null && version.length > MAX_CONSENT_VERSION) warnings = [VERSION_WARNING];
  else if (version !== null) fields += `${fields === '{' ? '' : ','}"consentVersion":${JSON.stringify(version)}`;
  let locale = contact.locale ?? null;
  if (locale !== null && !LOCALES.includes(locale)) {
    locale = null;
    warnings = warnings === NO_WARNINGS ? LOCALE_WARNING : [...warnings, ...LOCALE_WARNING];
  }
  if (contact.locale !== undefined) {
    fields += `${fields === '{' ? '' : ','}"locale":${locale === null ? 'null' : `"${locale}"`}`;
  }
  fields += '}';
  // MailingCore has no place for it: a change of it alone must not make a call.
  const smsConsent = CONSENT.unmapped;
  return onlyIfKnown
    ? { fields, emailConsent, smsConsent, locale, warnings, onlyIfKnown }
    : { fields, emailConsent, smsConsent, locale, warnings };
}

/** The body of one bulk call, put together from texts that are JSON already. */
export function bulkBody(rows: readonly OutgoingRow[], matchBy: MatchBy): string {
  let body = '{"contacts":[';
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (row !== undefined) body += (i === 0 ? '' : ',') + rowText(row, matchBy);
  }
  return body + ']}';
}

function rowText(row: OutgoingRow, matchBy: MatchBy): string {
  let text = row.fields.slice(0, -1);
  // unknown: what the platform does with `locale: null` on a contact it does not have; there it is left out.
  if (!row.known && row.fields.endsWith(EMPTY_LOCALE)) text = row.fields.slice(0, -EMPTY_LOCALE.length).replace(/,$/, '');
  let separator = text === '{' ? '' : ',';
  if (matchBy === 'externalId') {
    text += `${separator}"externalId":${JSON.stringify(row.key)}`;
    separator = ',';
  }
  // Only a granted consent goes out as true; one the source says nothing about is not mentioned, so that neither an
  // opt-in nor an opt-out made there is undone by a sync that knows nothing of consent.
  if (row.emailConsent !== CONSENT.unmapped) text += `${separator}"optIn":${row.emailConsent === CONSENT.granted ? 'true' : 'false'}`;
  return text + '}';
}

/** Where two `fields` differ, by name. Absent and null are the same; e-mails are compared without case. */
export function differences(expected: string, found: string): string[] {
  if (expected === found) return [];
  const wanted = JSON.parse(expected) as FieldsObject;
  const held = JSON.parse(found) as FieldsObject;
  const names: string[] = [];
  if (wanted.email !== undefined && wanted.email.toLowerCase() !== held.email?.toLowerCase()) names.push('email');
  // unknown: whether lists tell it. Where they do not, it is not compared.
  if (wanted.consentVersion !== undefined && held.consentVersion !== undefined && wanted.consentVersion !== held.consentVersion) names.push('consentVersion');
  if (wanted.locale !== undefined && wanted.locale !== (held.locale ?? null)) names.push('locale');
  for (const [name, value] of Object.entries(wanted.attributes ?? {})) {
    if (!sameJson(value, held.attributes?.[name] ?? null)) names.push(`attributes.${name}`);
  }
  return names;
}

/** A contact as the platform shows it, in the form of {@link Prepared.fields}. */
export function foundFields(email: string | null, locale: string | null, attributes: Readonly<Record<string, Json>>, consentVersion: string | null = null): string {
  const parts: string[] = [];
  if (email !== null) parts.push(`"email":${JSON.stringify(email)}`);
  const text = sortedText(attributes);
  if (text !== '') parts.push(`"attributes":${text}`);
  if (consentVersion !== null) parts.push(`"consentVersion":${JSON.stringify(consentVersion)}`);
  parts.push(`"locale":${JSON.stringify(locale)}`);
  return `{${parts.join(',')}}`;
}

interface FieldsObject {
  readonly email?: string;
  readonly consentVersion?: string;
  readonly locale?: string | null;
  readonly attributes?: Readonly<Record<string, Json>>;
}

/** phone, names and attributes as one object; an attribute that is mapped by that very name goes before the field. */
function attributesText(contact: Contact): string {
  const { phone, firstName, lastName, attributes } = contact;
  if (phone === undefined && firstName === undefined && lastName === undefined) return attributes === undefined ? '' : sortedText(attributes);
  const all: Record<string, Json> = {};
  if (firstName !== undefined) all['firstName'] = firstName;
  if (lastName !== undefined) all['lastName'] = lastName;
  if (phone !== undefined) all['phone'] = phone;
  for (const name in attributes) all[name] = attributes[name] ?? null;
  return sortedText(all);
}

/** Sorted by name: the order of columns in a configuration must not make every contact look changed. */
function sortedText(attributes: Readonly<Record<string, Json>>): string {
  const names = Object.keys(attributes);
  if (names.length === 0) return '';
  let sorted = true;
  for (let i = 1; i < names.length && sorted; i++) sorted = (names[i - 1] ?? '') < (names[i] ?? '');
  if (!sorted) names.sort();
  let text = '';
  for (const name of names) {
    const value = attributes[name] ?? null;
    text += `${text === '' ? '{' : ','}${JSON.stringify(name)}:${value === null ? 'null' : JSON.stringify(value)}`;
  }
  return `${text}}`;
}

function consentCode(consent: Contact['emailConsent']): ConsentCode {
  return consent === undefined ? CONSENT.unmapped : (CODES[consent] ?? CONSENT.unknown);
}

function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, i) => sameJson(value, b[i] ?? null));
  }
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => sameJson(a[name] ?? null, b[name] ?? null));
}
