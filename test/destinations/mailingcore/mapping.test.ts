import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contact } from '../../../src/contacts/index.js';
import { CONSENT } from '../../../src/destinations/index.js';
import type { OutgoingRow, Prepared } from '../../../src/destinations/index.js';
import { bulkBody, differences, foundFields, prepare } from '../../../src/destinations/mailingcore/mapping.js';

const contact = (more: Partial<Contact> = {}): Contact => ({ key: 'crm-1', email: 'ann@example.com', locale: 'en', emailConsent: 'granted', ...more });
const prepared = (one: Contact, matchBy: 'externalId' | 'email' = 'externalId'): Prepared => {
  const result = prepare(one, matchBy);
  if ('invalid' in result) throw new Error(result.invalid);
  return result;
};
function sent(one: Contact, known = false, matchBy: 'externalId' | 'email' = 'externalId'): Record<string, unknown> {
  const row: OutgoingRow = { ...prepared(one, matchBy), ord: 0, key: one.key, action: 0, known, previousKey: null, platformId: null };
  return (JSON.parse(bulkBody([row], matchBy)) as { contacts: [Record<string, unknown>] }).contacts[0];
}

describe('what a contact becomes', () => {
  it('every mapped field stands where the contract says', () => {
    const one = contact({ phone: '+16975550142', firstName: 'Ann', lastName: 'O', smsConsent: 'granted', attributes: { city: 'Rome', n: [1, { a: null }] } });
    expect(sent(one)).toEqual({
      email: 'ann@example.com',
      externalId: 'crm-1',
      locale: 'en',
      optIn: true,
      attributes: { phone: '+16975550142', firstName: 'Ann', lastName: 'O', city: 'Rome', n: [1, { a: null }] },
    });
  });

  it('empty is sent as cleared, unmapped is absent', () => {
    expect(sent(contact({ phone: null, firstName: null }))).toMatchObject({ attributes: { phone: null, firstName: null } });
    expect(sent({ key: 'crm-1', email: 'ann@example.com' }, true)).toEqual({ email: 'ann@example.com', externalId: 'crm-1' });
  });

  it('an empty locale is cleared on a known contact and left out on a new one', () => {
    expect(sent(contact({ locale: null }), true)).toHaveProperty('locale', null);
    expect(sent(contact({ locale: null }), false)).not.toHaveProperty('locale');
    const tricky = contact({ locale: null, attributes: { locale: null } });
    expect(sent(tricky, false)).toMatchObject({ attributes: { locale: null } });
  });

  it('consentVersion goes out beside the attributes where there is one, at most 64 characters of it', () => {
    const version = 'v'.repeat(64);
    expect(sent(contact({ consentVersion: version, attributes: { consentVersion: 'mine' } }))).toMatchObject({ consentVersion: version, attributes: { consentVersion: 'mine' } });
    expect(sent(contact({ consentVersion: '2', locale: null }), false)).toEqual({ email: 'ann@example.com', externalId: 'crm-1', consentVersion: '2', optIn: true });
    expect(sent(contact({ consentVersion: null }), true)).not.toHaveProperty('consentVersion');
    const long = contact({ consentVersion: `${version}v`, locale: 'pt' });
    expect(prepared(long).warnings).toEqual(['consentVersion: longer than 64 characters, the most MailingCore takes', 'locale: not one MailingCore takes']);
    expect(sent(long)).not.toHaveProperty('consentVersion');
  });

  it('consentVersion changes nothing of a contact that has none, and is compared only where the platform tells it', () => {
    expect(prepared(contact({ consentVersion: undefined })).fields).toBe('{"email":"ann@example.com","locale":"en"}');
    expect(prepared(contact({ consentVersion: null })).fields).toBe(prepared(contact()).fields);
    const { fields } = prepared(contact({ consentVersion: '2' }));
    expect(differences(fields, foundFields('ann@example.com', 'en', {}))).toEqual([]);
    expect(differences(fields, foundFields('ann@example.com', 'en', {}, '2'))).toEqual([]);
    expect(differences(fields, foundFields('ann@example.com', 'en', {}, '1'))).toEqual(['consentVersion']);
  });

  it('a locale the platform does not take counts as empty, with a warning', () => {
    expect(prepared(contact({ locale: 'pt' }))).toMatchObject({ locale: null, warnings: ['locale: not one MailingCore takes'] });
    expect(prepared(contact()).warnings).toEqual([]);
  });

  it.each([
    ['granted', true],
    ['denied', false],
    ['unknown', false],
  ] as const)('consent %s goes out as optIn %s', (emailConsent, optIn) => {
    expect(sent(contact({ emailConsent }))).toHaveProperty('optIn', optIn);
  });

  it('unmapped consent is not mentioned', () => {
    const { emailConsent: _, ...unmapped } = contact();
    expect(sent(unmapped)).not.toHaveProperty('optIn');
    expect(prepared(unmapped).emailConsent).toBe(CONSENT.unmapped);
  });

  it('a contact without e-mail is invalid, unless it is an opt-out, which needs only the key', () => {
    expect(prepare(contact({ email: null }), 'externalId')).toEqual({ invalid: 'email: missing, MailingCore addresses contacts by e-mail' });
    const optOut = contact({ email: null, emailConsent: 'denied', locale: null });
    expect(prepared(optOut).onlyIfKnown).toBe(true);
    expect(sent(optOut, true)).toEqual({ externalId: 'crm-1', locale: null, optIn: false });
    expect(sent(optOut, false)).toEqual({ externalId: 'crm-1', optIn: false });
    expect(prepare(optOut, 'email')).toHaveProperty('invalid');
  });

  it('a key the platform cannot hold is invalid', () => {
    expect(prepare(contact({ key: 'x'.repeat(129) }), 'externalId')).toHaveProperty('invalid');
    expect(prepare(contact({ key: 'x'.repeat(128) }), 'externalId')).toHaveProperty('fields');
    expect(prepare(contact({ key: '' }), 'externalId')).toHaveProperty('invalid');
  });

  it('matched by e-mail, no externalId goes out', () => {
    expect(sent(contact(), false, 'email')).toEqual({ email: 'ann@example.com', locale: 'en', optIn: true });
  });
});

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('"locale":null}', '\\', '\u2028', '__proto__'));
const anyContact: fc.Arbitrary<Contact> = fc.record(
  {
    key: fc.string({ minLength: 1, maxLength: 128 }),
    email: fc.emailAddress(),
    phone: fc.option(text),
    locale: fc.option(fc.constantFrom('en', 'fr', 'pt')),
    firstName: fc.option(text),
    emailConsent: fc.constantFrom('granted', 'denied', 'unknown'),
    attributes: fc.dictionary(text, fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as null)),
  },
  { requiredKeys: ['key', 'email'] },
);

describe('prepared fields', () => {
  it('are JSON whatever the values, and the body is exact', () => {
    fc.assert(
      fc.property(anyContact, fc.boolean(), (one, known) => {
        const fields = JSON.parse(prepared(one).fields) as { email: string; attributes?: Record<string, unknown> };
        const body = sent(one, known);
        expect(body).toMatchObject({ email: one.email, externalId: one.key });
        expect(body['attributes']).toEqual(fields.attributes);
        expect('locale' in body).toBe(one.locale !== undefined && (known || prepared(one).locale !== null));
        expect(body['optIn']).toBe(one.emailConsent === undefined ? undefined : one.emailConsent === 'granted');
      }),
    );
  });

  it('do not depend on the order of attributes', () => {
    fc.assert(
      fc.property(anyContact, (one) => {
        const turned = Object.fromEntries(Object.entries(one.attributes ?? {}).reverse());
        expect(prepared({ ...one, attributes: turned }).fields).toBe(prepared({ ...one, attributes: { ...one.attributes } }).fields);
      }),
    );
  });

  it('are found equal when read back, with whatever the platform holds beside them', () => {
    fc.assert(
      fc.property(anyContact, (one) => {
        const wanted = prepared(one);
        const { email, locale, attributes } = JSON.parse(wanted.fields) as { email: string; locale?: string; attributes?: Record<string, string> };
        expect(differences(wanted.fields, foundFields(email.toUpperCase(), locale ?? null, { ...attributes, zz_foreign: 'x' }))).toEqual([]);
      }),
    );
  });

  it('differ by name only', () => {
    const wanted = prepared(contact({ attributes: { city: 'Rome', tier: null } })).fields;
    expect(differences(wanted, foundFields('bob@example.com', 'fr', { city: 'Oslo', tier: 'gold' }))).toEqual(['email', 'locale', 'attributes.city', 'attributes.tier']);
    expect(differences(wanted, foundFields('ann@example.com', 'en', { city: 'Rome' }))).toEqual([]);
  });
});
