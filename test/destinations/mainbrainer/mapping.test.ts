import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contact } from '../../../src/contacts/index.js';
import { ACTION, CONSENT } from '../../../src/destinations/index.js';
import type { OutgoingRow, Prepared } from '../../../src/destinations/index.js';
import { batchBody, compileMapping, differences } from '../../../src/destinations/mainbrainer/mapping.js';
import { splitPhone } from '../../../src/destinations/mainbrainer/phone.js';
import { row } from './rows.js';

const UUID = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
const contact = (more: Partial<Contact> = {}): Contact => ({ key: 'crm-1', email: 'ann@example.com', phone: '+4790812501', emailConsent: 'granted', smsConsent: 'denied', ...more });
function prepared(one: Contact, properties: Record<string, string> = {}): Prepared {
  const result = compileMapping(properties)(one);
  if ('invalid' in result) throw new Error(result.invalid);
  return result;
}
function sent(one: Contact, properties: Record<string, string> = {}, more: Partial<OutgoingRow> = {}): Record<string, unknown> {
  const rows = [row(0, { ...prepared(one, properties), ...more, previousKey: null })];
  return (JSON.parse(batchBody(rows, {})) as { createUpdateContacts: [Record<string, unknown>] }).createUpdateContacts[0];
}

describe('what a contact becomes', () => {
  it('every mapped field stands where the page says', () => {
    const one = contact({ firstName: 'Ann', lastName: 'O', locale: 'en', country: 'NO', attributes: { city: 'Oslo', points: 7, none: null } });
    expect(sent(one, { city: 'city', [UUID]: 'points', language: 'locale', country: 'country', empty: 'none', absent: 'nowhere' })).toEqual({
      email: 'ann@example.com',
      mobileCountryCode: 47,
      mobileNumber: 90812501,
      mobileOptIn: false,
      emailOptIn: true,
      propertyfields: [
        { propertyname: 'firstname', propertyvalue: 'Ann' },
        { propertyname: 'lastname', propertyvalue: 'O' },
        { propertyid: UUID, propertyvalue: '7' },
        { propertyname: 'city', propertyvalue: 'Oslo' },
        { propertyname: 'country', propertyvalue: 'NO' },
        { propertyname: 'empty', propertyvalue: '' },
        { propertyname: 'language', propertyvalue: 'en' },
      ],
    });
  });

  it('a property can have the consentVersion, unless an attribute has that name', () => {
    const properties = { text: 'consentVersion' };
    expect(sent(contact({ consentVersion: '2' }), properties)).toMatchObject({ propertyfields: [{ propertyname: 'text', propertyvalue: '2' }] });
    expect(sent(contact({ consentVersion: '2', attributes: { consentVersion: 'mine' } }), properties)).toMatchObject({ propertyfields: [{ propertyvalue: 'mine' }] });
    expect(sent(contact(), properties)).not.toHaveProperty('propertyfields');
  });

  it('empty is sent as cleared, unmapped is absent but for both opt-ins', () => {
    expect(sent(contact({ phone: null, firstName: null }))).toMatchObject({ mobileCountryCode: '', mobileNumber: '', propertyfields: [{ propertyname: 'firstname', propertyvalue: '' }] });
    expect(sent({ key: 'crm-1', phone: '+4790812501' })).toEqual({ mobileCountryCode: 47, mobileNumber: 90812501, mobileOptIn: '', emailOptIn: '' });
    expect(sent(contact({ email: null }))).toMatchObject({ email: '' });
  });

  it.each([['granted', true], ['denied', false], ['unknown', ''], [undefined, '']] as const)('consent %s goes out as %j', (consent, value) => {
    expect(sent(contact({ emailConsent: consent, smsConsent: consent }))).toMatchObject({ emailOptIn: value, mobileOptIn: value });
  });

  it('an attribute of that name goes before the field, and a configured firstname before the name', () => {
    const one = contact({ firstName: 'Ann', country: 'NO', attributes: { country: 'Norway', nick: 'A' } });
    expect(sent(one, { country: 'country', FirstName: 'nick' })['propertyfields']).toEqual([
      { propertyname: 'FirstName', propertyvalue: 'A' },
      { propertyname: 'country', propertyvalue: 'Norway' },
    ]);
  });

  it('the order of the configuration changes no contact', () => {
    const one = contact({ attributes: { a: 1, b: [2] } });
    expect(prepared(one, { x: 'a', y: 'b' }).fields).toBe(prepared(one, { y: 'b', x: 'a' }).fields);
  });

  it('a contact that cannot be addressed is invalid, in words', () => {
    const prepare = compileMapping({});
    expect(prepare(contact({ email: null, phone: null }))).toEqual({ invalid: expect.stringMatching(/^email, phone: both missing/) as string });
    expect(prepare(contact({ key: '' }))).toEqual({ invalid: 'key: missing' });
    expect(prepare(contact({ phone: '+390612345678' }))).toEqual({ invalid: "phone: its national number begins with a zero, which MainBrainer's integer would lose" });
  });

  it('a phone of no country counts as empty, with a warning', () => {
    expect(prepared(contact({ phone: '+9991234567' }))).toMatchObject({ warnings: [expect.stringMatching(/^phone: /)], identity: '|ann@example.com' });
  });

  it('the identity is the pair, without the case of the e-mail, which is sent in lower case', () => {
    expect(prepared(contact({ email: 'Ann@Example.com' })).identity).toBe('4790812501|ann@example.com');
    expect(prepared(contact({ email: 'Ann@Example.com' })).fields).toBe(prepared(contact()).fields);
    expect(prepared(contact({ phone: null })).identity).toBe('|ann@example.com');
    expect(prepared(contact({ email: null })).identity).toBe('4790812501|');
  });

  it('a known id goes with its row, as a number', () => {
    expect(sent(contact(), {}, { platformId: '234567' })['contactId']).toBe(234567);
    expect(sent(contact(), {}, { platformId: 'abc' })['contactId']).toBe('abc');
    expect(sent(contact())).not.toHaveProperty('contactId');
  });

  it('an erasure withdraws both opt-ins and blanks the properties, and stays the same contact', () => {
    expect(sent(contact({ firstName: 'Ann' }), {}, { action: ACTION.erase, emailConsent: CONSENT.granted })).toEqual({
      email: 'ann@example.com', mobileCountryCode: 47, mobileNumber: 90812501, mobileOptIn: false, emailOptIn: false,
      propertyfields: [{ propertyname: 'firstname', propertyvalue: '' }],
    });
  });

  it('list and webhook stand at the top, where there are any', () => {
    expect(JSON.parse(batchBody([row(0)], { listId: UUID, webhookUrl: 'https://x.example/?a=1&b=2' }))).toMatchObject({ listId: UUID, webhookUrl: 'https://x.example/?a=1&b=2' });
    expect(Object.keys(JSON.parse(batchBody([row(0)], {})) as object)).toEqual(['createUpdateContacts']);
  });

  it('whatever the texts are, the body says them', () => {
    fc.assert(fc.property(fc.string(), fc.string({ unit: 'binary' }), fc.jsonValue(), (name, text, value) => {
      const one = contact({ firstName: text, attributes: { a: value as never } });
      const properties = sent(one, { [`p${name}`]: 'a' })['propertyfields'] as { propertyvalue: string }[];
      const said = value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
      expect(properties.map((property) => property.propertyvalue)).toEqual([text, said]);
    }));
  });
});

describe('phones', () => {
  it('country code and number together are the number again', () => {
    fc.assert(fc.property(fc.constantFrom('1', '47', '44', '52', '7', '358', '39', '1242'), fc.stringMatching(/^[0-9]{7,10}$/), (code, rest) => {
      const parts = splitPhone(`+${code}${rest}`);
      if (typeof parts === 'object') expect(`${parts.countryCode}${parts.number}`).toBe(code + rest);
      else expect(parts === 'zero' ? rest.startsWith('0') || code === '1242' : true).toBe(true);
    }));
  });
});

describe('differences', () => {
  const of = (more: Partial<Contact>): string => prepared(contact(more), { city: 'city' }).fields;
  it('are told by name, and only of what is mapped', () => {
    const base = { firstName: 'Ann', attributes: { city: 'Oslo' } };
    expect(differences(of(base), of(base))).toEqual([]);
    expect(differences(of(base), of({ ...base, phone: '+4790812502', firstName: 'Bo', attributes: { city: null } }))).toEqual(['mobileNumber', 'firstname', 'city']);
    expect(differences(of({}), of(base))).toEqual([]);
    expect(differences(of({ attributes: { city: null } }), of({}))).toEqual([]);
    expect(differences(of({}), of({ email: 'bo@example.com' }))).toEqual(['email']);
  });
});
