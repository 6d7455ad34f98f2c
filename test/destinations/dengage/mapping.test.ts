import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contact, Json } from '../../../src/contacts/index.js';
import { ACTION, CONSENT } from '../../../src/destinations/index.js';
import type { CallForm, OutgoingRow, Prepared } from '../../../src/destinations/index.js';
import { bulkBody } from '../../../src/destinations/dengage/body.js';
import { differences, foundContact } from '../../../src/destinations/dengage/found.js';
import { createMapping } from '../../../src/destinations/dengage/mapping.js';

const COLUMNS = { town: 'city', lang: 'locale' };
const OPTIONS = { insertIfNotExists: true, throwExceptionIfInvalidRecord: false, columns: COLUMNS };
const contact = (more: Partial<Contact> = {}): Contact => ({ key: 'crm-1', email: 'Ann@Example.com', emailConsent: 'granted', ...more });

function prepared(one: Contact, columns: Readonly<Record<string, string>> = COLUMNS): Prepared {
  const result = createMapping(columns)(one);
  if ('invalid' in result) throw new Error(result.invalid);
  return result;
}
const rowOf = (one: Contact, more: Partial<OutgoingRow> = {}): OutgoingRow => {
  const { fields, emailConsent, smsConsent } = prepared(one);
  return { fields, emailConsent, smsConsent, ord: 0, key: one.key, action: ACTION.upsert, known: false, previousKey: null, platformId: null, ...more };
};
interface Body {
  columns: string[];
  contactDatas: Record<string, unknown>[];
  insertIfNotExists: boolean;
  throwExceptionIfInvalidRecord: boolean;
}
const body = (rows: readonly OutgoingRow[], form: Partial<CallForm> = {}, options = OPTIONS): Body =>
  JSON.parse(bulkBody({ id: 'b', form: { consent: true, renames: false, ...form }, rows }, options)) as Body;

describe('what a contact becomes', () => {
  it('every mapped field stands in its column, in a fixed order, the e-mail in lower case', () => {
    const { fields, shape, locale } = prepared(contact({ phone: '+16975550142', firstName: 'Ann', lastName: 'O', locale: 'fr', attributes: { city: 'Rome', other: 1 } }));
    expect(fields).toBe('{"email":"ann@example.com","gsm":"+16975550142","name":"Ann","surname":"O","lang":"fr","town":"Rome"}');
    expect([shape, locale]).toEqual(['email,gsm,name,surname,lang,town', 'fr']);
  });

  it('a column can have the consentVersion, unless an attribute has that name', () => {
    const columns = { consent_text: 'consentVersion' };
    expect(prepared(contact({ consentVersion: '2' }), columns).fields).toBe('{"email":"ann@example.com","consent_text":"2"}');
    expect(prepared(contact({ consentVersion: '2', attributes: { consentVersion: 'mine' } }), columns).fields).toContain('"consent_text":"mine"');
    expect(prepared(contact(), columns).fields).toBe(prepared(contact(), {}).fields);
  });

  it('empty is sent as cleared, unmapped is absent, and the shape tells which', () => {
    expect(JSON.parse(prepared(contact({ phone: null, firstName: null, attributes: { city: null } })).fields)).toEqual({ email: 'ann@example.com', gsm: '', name: '', town: '' });
    expect(prepared({ key: 'k' })).toMatchObject({ fields: '{}', shape: '', emailConsent: CONSENT.unmapped, smsConsent: CONSENT.unmapped });
    expect(prepared(contact({ phone: null })).shape).toBe(prepared(contact({ phone: '+16975550142' })).shape);
  });

  it('numbers and booleans go as they are, lists as text; an attribute called locale comes before the contact\'s own', () => {
    const of = (city: Json): unknown => (JSON.parse(prepared(contact({ attributes: { city } })).fields) as { town: unknown }).town;
    expect([7, true, 'x', [1, 'a']].map((one) => of(one as Json))).toEqual([7, true, 'x', '[1,"a"]']);
    expect(JSON.parse(prepared(contact({ locale: 'fr', attributes: { locale: 'de' } })).fields)).toMatchObject({ lang: 'de' });
    expect(JSON.parse(prepared(contact({ country: 'IT' }), { land: 'country' }).fields)).toMatchObject({ land: 'IT' });
  });

  it('a value longer than the column counts as empty, with a warning that does not repeat it', () => {
    const { fields, warnings } = prepared(contact({ firstName: 'x'.repeat(101), lastName: 'y'.repeat(100) }));
    expect(JSON.parse(fields)).toMatchObject({ name: '', surname: 'y'.repeat(100) });
    expect(warnings).toEqual(['name: longer than 100 characters']);
  });

  it('only a contact without a key is invalid', () => {
    expect(createMapping({})(contact({ key: '' }))).toEqual({ invalid: 'key: missing' });
    expect(createMapping({})({ key: 'k', email: null })).toHaveProperty('fields');
  });

  it('a former key is told only where it is one', () => {
    expect(prepared(contact({ previousKey: 'old' })).previousKey).toBe('old');
    for (const previousKey of [null, '', 'crm-1']) expect(prepared(contact({ previousKey }))).not.toHaveProperty('previousKey');
  });
});

describe('the body of a call', () => {
  it('always has both flags, and permissions that are true only when granted', () => {
    const sent = body((['granted', 'denied', 'unknown', undefined] as const).map((emailConsent) => rowOf({ key: 'k', email: 'a@example.com', ...(emailConsent && { emailConsent }), smsConsent: 'granted' })));
    expect(sent).toMatchObject({ columns: ['contact_key', 'email', 'email_permission', 'gsm_permission'], insertIfNotExists: true, throwExceptionIfInvalidRecord: false });
    expect(sent.contactDatas.map((one) => one['email_permission'])).toEqual([true, false, false, false]);
    expect(sent.contactDatas.map((one) => one['gsm_permission'])).toEqual([true, true, true, true]);
  });

  it('without a change of consent it names no permission and makes nobody', () => {
    expect(body([rowOf(contact())], { consent: false })).toEqual({ columns: ['contact_key', 'email'], contactDatas: [{ contact_key: 'crm-1', email: 'ann@example.com' }], insertIfNotExists: false, throwExceptionIfInvalidRecord: false });
  });

  it.each([true, false])('new_contact_key never goes with insertIfNotExists (consent %s)', (consent) => {
    const sent = body([rowOf(contact(), { previousKey: 'old' })], { consent, renames: true });
    expect(sent.insertIfNotExists).toBe(false);
    expect(sent.contactDatas).toMatchObject([{ contact_key: 'old', new_contact_key: 'crm-1' }]);
    expect('email_permission' in (sent.contactDatas[0] ?? {})).toBe(consent);
  });

  it('an erasure makes the contact passive, takes both permissions and blanks what Syncline fills', () => {
    const sent = body([rowOf(contact(), { action: ACTION.erase })]);
    expect(sent.insertIfNotExists).toBe(false);
    expect(sent.contactDatas).toEqual([{ contact_key: 'crm-1', contact_status: 'P', email_permission: false, gsm_permission: false, email: '', gsm: '', name: '', surname: '', town: '', lang: '' }]);
    expect([...sent.columns].sort()).toEqual(Object.keys(sent.contactDatas[0] ?? {}).sort());
  });

  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\u2028', '__proto__'));
  const anyContact = fc.record({ key: fc.string({ minLength: 1 }), email: fc.option(fc.emailAddress()), firstName: fc.option(text), attributes: fc.dictionary(text, fc.jsonValue().map((one) => JSON.parse(JSON.stringify(one)) as Json)) });

  it('is JSON whatever the values, and every record has every listed column and no other', () => {
    fc.assert(fc.property(fc.array(anyContact, { minLength: 1, maxLength: 5 }), fc.boolean(), (contacts, consent) => {
      const sent = body(contacts.map((one) => rowOf({ ...one, attributes: { ...one.attributes, city: one.attributes['city'] ?? null } })), { consent });
      expect(sent.contactDatas.map((one) => one['contact_key'])).toEqual(contacts.map((one) => one.key));
      for (const one of sent.contactDatas) expect(Object.keys(one).sort()).toEqual([...sent.columns].sort());
    }));
  });

  it('what is read back after it was sent differs in nothing, whatever the case, blanks and marks it comes back with', () => {
    fc.assert(fc.property(anyContact, (one) => {
      const { fields } = prepared({ ...one, phone: '+16975550142' });
      const { email, ...sent } = JSON.parse(fields) as Record<string, unknown>;
      const held = { contact_key: one.key, ...Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, value === '' ? null : value])), email: String(email).toUpperCase(), gsm: '16975550142', email_permission: 'true' };
      expect(differences({ fields, optedIn: true, smsOptedIn: false }, foundContact(held, COLUMNS))).toEqual([]);
    }));
  });

  it('differences are told by column, permissions only where they are compared', () => {
    const found = foundContact({ contact_key: 'k', email: 'bob@example.com', town: 'Oslo', email_permission: true, gsm_permission: false }, COLUMNS);
    const { fields } = prepared(contact({ attributes: { city: 'Rome' } }));
    expect(differences({ fields, optedIn: false, smsOptedIn: true }, found)).toEqual(['email', 'town', 'email_permission', 'gsm_permission']);
    expect(differences({ fields, optedIn: null }, found)).toEqual(['email', 'town']);
  });
});
