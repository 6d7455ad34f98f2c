import type { Contact } from '../../contacts/index.js';
import { ACTION, CONSENT } from '../contract.js';
import type { ConsentCode, OutgoingRow, Prepared, Unsendable } from '../contract.js';
import { splitPhone } from './phone.js';
import { compileProperties, type Property } from './properties.js';

const NO_WARNINGS: readonly string[] = [];
const PHONE_WARNING: readonly string[] = ['phone: of no country MainBrainer could be told'];
const NO_KEY: Unsendable = { invalid: 'key: missing' };
const NO_ADDRESS: Unsendable = { invalid: 'email, phone: both missing, MainBrainer addresses contacts by one of them' };
const LEADING_ZERO: Unsendable = { invalid: "phone: its national number begins with a zero, which MainBrainer's integer would lose" };

const CODES: Readonly<Record<string, ConsentCode>> = CONSENT;

/** `Prepared.fields` when read again. */
export interface Fields {
  readonly email?: string;
  /** "" when cleared. */
  readonly mobileCountryCode?: number | '';
  readonly mobileNumber?: number | '';
  readonly propertyfields?: readonly Property[];
}

/**
 * The mapping of one destination (pure).
 * @param properties property name or uuid → attribute (or `locale`, `country`, `consentVersion`)
 */
export function compileMapping(properties: Readonly<Record<string, string>>): (contact: Contact) => Prepared | Unsendable {
  const propertiesText = compileProperties(properties);
  return (contact) => {
    if (contact.key === '') return NO_KEY;
    // unknown: whether e-mails are told apart by case. In lower case the same person is the same to us and, either way, to them.
    const email = contact.email?.toLowerCase() ?? null;
    let phone = contact.phone ?? null;
    const parts = phone === null ? null : splitPhone(phone);
    if (parts === 'zero') return LEADING_ZERO;
    const mobile = typeof parts === 'object' ? parts : null;
    if (mobile === null) phone = null;
    if (email === null && phone === null) return NO_ADDRESS;

    const all: string[] = [];
    // A match value that is missing must be null on the record (doc), and "" is how the page's example sends one.
    if (contact.email !== undefined) all.push(`"email":${JSON.stringify(email ?? '')}`);
    if (contact.phone !== undefined) {
      all.push(mobile === null ? '"mobileCountryCode":"","mobileNumber":""' : `"mobileCountryCode":${mobile.countryCode},"mobileNumber":${mobile.number}`);
    }
    const more = propertiesText(contact);
    if (more !== '') all.push(`"propertyfields":[${more}]`);
    return {
      fields: `{${all.join(',')}}`,
      emailConsent: consentCode(contact.emailConsent),
      smsConsent: consentCode(contact.smsConsent),
      locale: contact.locale ?? null,
      warnings: parts === 'none' ? PHONE_WARNING : NO_WARNINGS,
      identity: `${phone?.slice(1) ?? ''}|${email ?? ''}`,
    };
  };
}

/** What the calls of one destination have in common. */
export interface Envelope {
  readonly listId?: string;
  /** With our batch id and its signature. */
  readonly webhookUrl?: string;
}

/** The body of one call, put together from texts that are JSON already; names as on the endpoint's page. */
export function batchBody(rows: readonly OutgoingRow[], { listId, webhookUrl }: Envelope): string {
  let body = listId === undefined ? '{' : `{"listId":${JSON.stringify(listId)},`;
  body += '"createUpdateContacts":[';
  rows.forEach((row, index) => {
    body += (index === 0 ? '' : ',') + (row.action === ACTION.erase ? erasedText(row) : rowText(row, row.fields, optIn(row.smsConsent), optIn(row.emailConsent)));
  });
  body += ']';
  if (webhookUrl !== undefined) body += `,"webhookUrl":${JSON.stringify(webhookUrl)}`;
  return body + '}';
}

function rowText({ platformId }: OutgoingRow, fields: string, mobileOptIn: string, emailOptIn: string): string {
  // doc: an integer; one that is none is sent as the text it came as.
  const id = platformId === null ? '' : `"contactId":${/^[1-9]\d{0,14}$/.test(platformId) ? platformId : JSON.stringify(platformId)},`;
  const rest = fields.slice(1, -1);
  return `{${id}${rest}${rest === '' ? '' : ','}"mobileOptIn":${mobileOptIn},"emailOptIn":${emailOptIn}}`;
}

/**
 * Always sent: absent is no consent, though its page also names true as the default. "In case no Opt-in Status send
 * Blank" (doc); unknown: whether blank is "" or null. An empty text is what the page's example calls an e-mail that
 * is not there.
 */
function optIn(consent: ConsentCode): string {
  return consent === CONSENT.granted ? 'true' : consent === CONSENT.denied ? 'false' : '""';
}

/**
 * The page has no way to delete a contact: its properties are blanked and both opt-ins withdrawn. E-mail and mobile
 * stay, for without them it would be another contact.
 */
function erasedText(row: OutgoingRow): string {
  const { propertyfields, ...address } = JSON.parse(row.fields) as Fields;
  const blank = propertyfields?.map((property) => ({ ...property, propertyvalue: '' }));
  return rowText(row, JSON.stringify({ ...address, ...(blank !== undefined && { propertyfields: blank }) }), 'false', 'false');
}

/** Where two `fields` differ, by name, without values. What is not mapped is not compared; absent and "" are the same. */
export function differences(expected: string, found: string): string[] {
  if (expected === found) return [];
  const wanted = JSON.parse(expected) as Fields;
  const held = JSON.parse(found) as Fields;
  const names: string[] = [];
  if (wanted.email !== undefined && wanted.email !== (held.email ?? '').toLowerCase()) names.push('email');
  if (wanted.mobileNumber !== undefined && mobileOf(wanted) !== mobileOf(held)) names.push('mobileNumber');
  const values = new Map((held.propertyfields ?? []).map((property) => [nameOf(property), property.propertyvalue]));
  for (const property of wanted.propertyfields ?? []) {
    if (property.propertyvalue !== (values.get(nameOf(property)) ?? '')) names.push(nameOf(property));
  }
  return names;
}

/** What a row says of a person, in the forms a platform could repeat: what must not stand in a message. */
export function* personalOf(rows: readonly OutgoingRow[]): Iterable<string> {
  for (const row of rows) {
    const { email, mobileNumber, propertyfields } = JSON.parse(row.fields) as Fields;
    if (email !== undefined && email !== '') yield email;
    if (typeof mobileNumber === 'number') yield String(mobileNumber);
    for (const { propertyvalue } of propertyfields ?? []) yield propertyvalue;
  }
}

const mobileOf = ({ mobileCountryCode, mobileNumber }: Fields): string => `${mobileCountryCode ?? ''} ${mobileNumber ?? ''}`;
const nameOf = (property: Property): string => ('propertyid' in property ? property.propertyid : property.propertyname);

function consentCode(consent: Contact['emailConsent']): ConsentCode {
  return consent === undefined ? CONSENT.unmapped : (CODES[consent] ?? CONSENT.unknown);
}

