import type { ContactRow, PropertyValue } from './store.js';

const EMAIL = /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/;

/** What is wrong with a row. doc: 400 is for malformed requests, 422 for contacts that cannot be accepted. */
export interface RowFault {
  readonly status: 400 | 422;
  readonly message: string;
}

/**
 * Reads one element of `createUpdateContacts` as strictly as its page allows. Names are taken in any case, as two sets
 * of pages write them; a message names the field, never its value.
 */
export function readRow(value: unknown): ContactRow | RowFault {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformed('contact must be an object');
  const row: { -readonly [Name in keyof ContactRow]: ContactRow[Name] } = { properties: [] };
  let code: unknown;
  let number: unknown;
  for (const [name, one] of Object.entries(value)) {
    switch (name.toLowerCase()) {
      case 'contactid':
        if (one !== null && !isCount(one)) return malformed('contactId must be an integer');
        if (one !== null) row.contactId = one as number;
        break;
      case 'email':
        if (one !== null && typeof one !== 'string') return malformed('email must be a string');
        if (one !== null && one !== '' && (one.length > 254 || !EMAIL.test(one))) return { status: 422, message: 'email is not valid' };
        row.email = one === '' ? null : one;
        break;
      case 'mobilecountrycode':
        code = one;
        break;
      case 'mobilenumber':
        number = one;
        break;
      case 'emailoptin':
      case 'mobileoptin':
        // doc: true, false, or blank.
        if (typeof one !== 'boolean' && one !== '' && one !== null) return malformed(`${name} must be a boolean or blank`);
        row[name.toLowerCase() === 'emailoptin' ? 'emailOptIn' : 'mobileOptIn'] = typeof one === 'boolean' ? one : null;
        break;
      case 'propertyfields': {
        const properties = readProperties(one);
        if ('status' in properties) return properties;
        row.properties = properties;
        break;
      }
      default:
        return malformed(/^[A-Za-z_]{1,32}$/.test(name) ? `unknown field ${name}` : 'unknown field');
    }
  }
  const mobile = readMobile(code, number);
  if (typeof mobile === 'object' && mobile !== null) return mobile;
  if (mobile !== undefined) row.mobile = mobile;
  return row.contactId === undefined && (row.email ?? null) === null && (row.mobile ?? null) === null
    ? { status: 422, message: 'email, mobile number or contactID is required' }
    : row;
}

/** Digits of country code and number with a space between; null: blank; undefined: absent. */
function readMobile(code: unknown, number: unknown): string | null | undefined | RowFault {
  if (code === undefined && number === undefined) return undefined;
  const blank = (one: unknown): boolean => one === '' || one === null || one === undefined;
  if (blank(code) && blank(number)) return null;
  if (!isCount(code) || !isCount(number)) return malformed('mobileCountryCode and mobileNumber must both be integers');
  return (code as number) > 999 ? { status: 422, message: 'mobileCountryCode is not valid' } : `${String(code)} ${String(number)}`;
}

function readProperties(value: unknown): readonly PropertyValue[] | RowFault {
  if (!Array.isArray(value)) return malformed('propertyfields must be an array');
  const properties: PropertyValue[] = [];
  for (const one of value) {
    if (typeof one !== 'object' || one === null) return malformed('propertyfields must hold objects');
    const named = new Map(Object.entries(one as object).map(([name, inner]) => [name.toLowerCase(), inner as unknown]));
    // doc: the id counts where both are there.
    const name = named.get('propertyid') ?? named.get('propertyname');
    const text = named.get('propertyvalue');
    if (typeof name !== 'string' || name === '') return malformed('propertyname or propertyid is required');
    if (typeof text !== 'string') return malformed('propertyvalue must be a string');
    properties.push({ name: name.toLowerCase(), shown: name, value: text });
  }
  return properties;
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function malformed(message: string): RowFault {
  return { status: 400, message };
}
