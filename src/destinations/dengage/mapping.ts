import type { Contact, Json } from '../../contacts/index.js';
import { CONSENT } from '../contract.js';
import type { ConsentCode, Prepared, Unsendable } from '../contract.js';
import { LONGEST } from './config.js';

const NO_KEY: Unsendable = { invalid: 'key: missing' };
const NO_WARNINGS: readonly string[] = [];
const CODES: Readonly<Record<string, ConsentCode>> = CONSENT;

/** Maps contacts by the configured custom columns (column → attribute). */
export function createMapping(columns: Readonly<Record<string, string>>): (contact: Contact) => Prepared | Unsendable {
  // In the order of their names, so that moving a line in the file changes no contact.
  const custom = Object.entries(columns)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([column, attribute]) => ({ column, attribute, quoted: JSON.stringify(column) }));

  /**
   * Maps one contact (pure, on the hot path: text is put together by hand). `fields` has the mapped columns in a fixed
   * order, cleared ones as ""; `shape` is the list of them. A contact without e-mail and gsm is sent too: D·engage
   * identifies it by contact_key and may have other ways to reach it.
   * doc: no length of a contact_key is told.
   */
  return (contact) => {
    if (contact.key === '') return NO_KEY;
    let warnings = NO_WARNINGS;
    let fields = '{';
    let shape = '';
    const add = (column: string, quoted: string, value: string): void => {
      fields += `${shape === '' ? '' : ','}${quoted}:${value}`;
      shape += shape === '' ? column : `,${column}`;
    };
    const text = (column: keyof typeof LONGEST, value: string | null | undefined): void => {
      if (value === undefined) return;
      let sent = value ?? '';
      if (sent.length > LONGEST[column]) {
        sent = '';
        warnings = [...warnings, `${column}: longer than ${LONGEST[column]} characters`];
      }
      add(column, `"${column}"`, JSON.stringify(sent));
    };
    // doc: they keep e-mails in lower case; ours is the same, so that their copy and the fingerprint agree.
    text('email', contact.email?.toLowerCase() ?? contact.email);
    // unknown: the form of a gsm; E.164 with its + is the one that cannot be misread.
    text('gsm', contact.phone);
    text('name', contact.firstName);
    text('surname', contact.lastName);
    for (const { column, attribute, quoted } of custom) {
      const value = attributeOf(contact, attribute);
      if (value !== undefined) add(column, quoted, columnText(value));
    }
    const { previousKey } = contact;
    const renamed = previousKey !== undefined && previousKey !== null && previousKey !== '' && previousKey !== contact.key;
    return {
      fields: `${fields}}`,
      shape,
      emailConsent: consentCode(contact.emailConsent),
      smsConsent: consentCode(contact.smsConsent),
      locale: contact.locale ?? null,
      warnings,
      ...(renamed && { previousKey }),
    };
  };
}

/** An attribute; `locale`, `country` and `consentVersion` also name the contact's own fields where no attribute is called so. */
function attributeOf({ attributes, locale, country, consentVersion }: Contact, name: string): Json | undefined {
  if (attributes !== undefined && Object.hasOwn(attributes, name)) return attributes[name];
  if (name === 'locale') return locale;
  if (name === 'country') return country;
  return name === 'consentVersion' ? consentVersion : undefined;
}

/** A column holds one value: lists and objects go as their JSON text. */
function columnText(value: Json): string {
  if (value === null) return '""';
  return typeof value === 'object' ? JSON.stringify(JSON.stringify(value)) : JSON.stringify(value);
}

function consentCode(consent: Contact['emailConsent']): ConsentCode {
  return consent === undefined ? CONSENT.unmapped : (CODES[consent] ?? CONSENT.unknown);
}
