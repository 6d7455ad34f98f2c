import type { Contact, Json } from '../../contacts/index.js';
import { CONSENT } from '../contract.js';
import type { ConsentCode, Prepared, Unsendable } from '../contract.js';
import { isConsent } from './config.js';

const NO_KEY: Unsendable = { invalid: 'key: missing' };
const NO_WARNINGS: readonly string[] = [];
const ATTRIBUTE = 'attributes.';
const CODES: Readonly<Record<string, ConsentCode>> = CONSENT;

type Field = 'email' | 'phone' | 'locale' | 'country' | 'firstName' | 'lastName' | 'consentAt' | 'consentVersion';

/**
 * Maps contacts by the configured columns (column → field).
 * `fields` is `{column: value}` in the order of the columns' names, so that moving a line in the file changes no
 * contact. A field the source does not map is left out, and its column left alone. A channel's consent counts only
 * where it has a column: a change of it alone must make no call.
 */
export function createMapping(columns: Readonly<Record<string, string>>): (contact: Contact) => Prepared | Unsendable {
  const plain = Object.entries(columns)
    .filter(([, from]) => !isConsent(from))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([column, from]) => ({ quoted: JSON.stringify(column), from, attribute: from.startsWith(ATTRIBUTE) ? from.slice(ATTRIBUTE.length) : null }));
  const origins = new Set(Object.values(columns));
  const codeOf = (name: 'emailConsent' | 'smsConsent', contact: Contact): ConsentCode => {
    const consent = origins.has(name) ? contact[name] : undefined;
    return consent === undefined ? CONSENT.unmapped : (CODES[consent] ?? CONSENT.unknown);
  };
  return (contact) => {
    if (contact.key === '') return NO_KEY;
    let fields = '{';
    for (const { quoted, from, attribute } of plain) {
      const value = attribute === null ? contact[from as Field] : attributeOf(contact, attribute);
      if (value !== undefined) fields += `${fields === '{' ? '' : ','}${quoted}:${JSON.stringify(value)}`;
    }
    return {
      fields: `${fields}}`,
      emailConsent: codeOf('emailConsent', contact),
      smsConsent: codeOf('smsConsent', contact),
      // A locale that is not kept there cannot be read back: a verification must not miss it.
      locale: origins.has('locale') ? (contact.locale ?? null) : null,
      warnings: NO_WARNINGS,
    };
  };
}

function attributeOf({ attributes }: Contact, name: string): Json | undefined {
  return attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}
