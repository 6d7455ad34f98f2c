import { readFileSync, existsSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldsConfig } from '../../src/config/index.js';
import { compileContactReader, compileFilter, type Contact } from '../../src/contacts/index.js';

/** Reads one row given as an object. */
function read(fields: FieldsConfig, row: Record<string, unknown>, options: { defaultCountry?: string; key?: string | null; fault?: string } = {}) {
  const reader = compileContactReader(fields, options);
  const key = options.key === undefined ? 'k' : options.key;
  return reader.read({ key, values: reader.columns.map((column) => row[column]), fault: options.fault });
}

function built(fields: FieldsConfig, row: Record<string, unknown>, options?: Parameters<typeof read>[2]) {
  const result = read(fields, row, options);
  if ('invalid' in result) throw new Error(result.invalid);
  return result;
}

const ALL: FieldsConfig = {
  email: 'email', phone: 'phone', locale: 'lang', emailConsent: { column: 'opt' }, smsConsent: { column: 'opt' }, consentAt: 'said', country: 'land',
  deletedAt: 'gone', previousKey: 'old', firstName: 'first', lastName: 'last', attributes: { land: 'land', score: 'score' },
};

describe('a row', () => {
  it('asks the source for each column once', () => {
    expect(compileContactReader(ALL).columns).toEqual(['email', 'phone', 'lang', 'land', 'said', 'gone', 'old', 'first', 'last', 'opt', 'score']);
  });

  it('becomes a contact in normal form', () => {
    const row = { email: ' A@B.CO ', phone: '01 23 45 67 89', lang: 'fr-FR', opt: 't', said: '2024-01-31 12:00:00.5+00', land: 'fr', gone: null, old: 'o', first: ' Zoé ', last: '', score: 7 };
    const { contact, warnings } = built(ALL, row);
    expect(warnings).toEqual([]);
    expect(contact).toEqual({
      key: 'k', email: 'A@b.co', phone: '+33123456789', locale: 'fr', emailConsent: 'granted', smsConsent: 'granted', consentAt: '2024-01-31T12:00:00.500000Z',
      country: 'FR', deletedAt: null, previousKey: 'o', firstName: 'Zoé', lastName: null, attributes: { land: 'fr', score: 7 },
    });
  });

  it('leaves out fields that are not mapped, and clears mapped ones that are empty', () => {
    const { contact } = built({ email: 'email', attributes: { city: 'city' } }, { email: '', city: '' });
    expect(contact).toEqual({ key: 'k', email: null, attributes: { city: null } });
    expect(contact.phone).toBeUndefined();
  });

  it('does not cost the contact for a fault in a field: it counts as empty, with a reason without values', () => {
    const row = { email: 'no', phone: '12', lang: 'English', opt: 'maybe', said: 'soon', land: 'Narnia', gone: 'infinity', old: 'a\nb', first: { a: 1 }, last: 'x\0y', score: Number.NaN };
    const { contact, warnings } = built(ALL, row);
    expect(contact).toEqual({
      key: 'k', email: null, phone: null, locale: null, emailConsent: 'unknown', smsConsent: 'unknown', consentAt: null, country: null, deletedAt: null,
      previousKey: null, firstName: null, lastName: 'xy', attributes: { land: 'Narnia', score: null },
    });
    expect(warnings).toEqual([
      'country: not a two-letter country code', 'email: not a valid address', 'phone: not possible for its country', 'locale: not a language',
      'emailConsent: not a known value', 'smsConsent: not a known value', 'consentAt: not a usable time', 'firstName: not text',
      'lastName: characters that cannot be stored were left out', 'deletedAt: not a usable time', 'previousKey: not a usable key',
      'attributes.score: not a value JSON can hold',
    ]);
  });

  it.each([
    [null, 'key: missing'], ['', 'key: missing'], ['  ', 'key: missing'], ['x'.repeat(513), 'key: longer than 512 characters'],
    ['a\tb', 'key: control characters in it'], ['a\0', 'key: control characters in it'], ['a\ud800', 'key: not valid text'],
  ])('is invalid with the key %j', (key, invalid) => {
    expect(read({}, {}, { key })).toEqual({ invalid });
  });

  it('is invalid with the fault its source found', () => {
    expect(read({}, {}, { key: 'k', fault: 'not valid UTF-8' })).toEqual({ invalid: 'not valid UTF-8' });
  });

  it('never throws, and what it gives survives JSON and Postgres text', () => {
    const value = fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), fc.constant(Object.create(null)), fc.constant(Symbol('s')));
    const row = fc.dictionary(fc.constantFrom(...compileContactReader(ALL).columns), value);
    fc.assert(
      fc.property(row, fc.oneof(fc.constant(null), fc.string({ unit: 'binary' })), (values, key) => {
        const result = read(ALL, values, { key });
        const text = JSON.stringify(result);
        expect(JSON.parse(text)).toEqual(result);
        expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('phone region', () => {
  const fields: FieldsConfig = { phone: 'phone', country: 'land' };
  it('is the contact\'s own country first, then defaultCountry, else only E.164', () => {
    expect(built(fields, { phone: '01 23 45 67 89', land: 'FR' }, { defaultCountry: 'US' }).contact.phone).toBe('+33123456789');
    expect(built(fields, { phone: '697-555-0142', land: null }, { defaultCountry: 'US' }).contact.phone).toBe('+16975550142');
    expect(built(fields, { phone: '697-555-0142', land: '' }).contact.phone).toBeNull();
  });
  it('is not defaultCountry for a country that cannot be understood', () => {
    expect(built(fields, { phone: '697-555-0142', land: 'Narnia' }, { defaultCountry: 'US' }).contact.phone).toBeNull();
  });
});

describe('consent', () => {
  const consent = (field: Omit<NonNullable<FieldsConfig['emailConsent']>, 'column'>, value: unknown) =>
    built({ emailConsent: { column: 'opt', ...field } }, { opt: value }).contact.emailConsent;

  it.each([[true, 'granted'], ['TRUE', 'granted'], ['t', 'granted'], [1, 'granted'], ['1', 'granted'], [' Yes ', 'granted'], [false, 'denied'], ['f', 'denied'], [0, 'denied'], ['no', 'denied'], [null, 'unknown'], ['', 'unknown'], [' ', 'unknown'], ['?', 'unknown'], [2, 'unknown'], [{}, 'unknown']])('%j is %s by itself', (value, expected) => {
    expect(consent({}, value)).toBe(expected);
  });
  it('with lists, only what is listed grants', () => {
    expect(consent({ granted: ['in'] }, 'IN')).toBe('granted');
    expect(consent({ granted: ['in'] }, true)).toBe('unknown');
    expect(consent({ granted: ['in'] }, false)).toBe('denied');
    expect(consent({ denied: [true] }, 'true')).toBe('denied');
    expect(consent({ denied: [true] }, 'yes')).toBe('unknown');
    expect(consent({ granted: [0], denied: [1] }, 0)).toBe('granted');
    expect(consent({ granted: ['x'], denied: ['x'] }, 'x')).toBe('denied');
  });
});

describe('filter', () => {
  const contact: Contact = { key: 'k', locale: 'en', country: null, emailConsent: 'granted', attributes: { vip: 'true', score: 7 } };
  it('compares fields and attributes as text, null with what is empty', () => {
    const holds = (filter: Parameters<typeof compileFilter>[0]) => compileFilter(filter)(contact);
    expect(holds(undefined)).toBe(true);
    expect(holds({ locale: ['en-US', 'fr'] })).toBe(true);
    expect(holds({ locale: ['de', null] })).toBe(false);
    expect(holds({ country: [null] })).toBe(true);
    expect(holds({ country: ['US'] })).toBe(false);
    expect(holds({ phone: [null] })).toBe(true);
    expect(holds({ 'attributes.vip': [true], 'attributes.score': ['7'] })).toBe(true);
    expect(holds({ 'attributes.vip': [true], emailConsent: ['denied'] })).toBe(false);
  });
  it('refuses a field that does not exist', () => {
    expect(() => compileFilter({ lang: ['en'] })).toThrow(/no contact field "lang".*locale/);
  });
});

const SAMPLE = new URL('../../data/adventureworks-contacts.csv', import.meta.url);

describe.runIf(existsSync(SAMPLE))('the sample', () => {
  it('has 9,187 phones that are not possible in the US, 1,766 of them by accident possible in their own Germany', () => {
    const rows = parse<Record<string, string>>(readFileSync(SAMPLE), { columns: true });
    const impossible = (fields: FieldsConfig) => rows.filter((row) => built(fields, row, { defaultCountry: 'US' }).warnings.length > 0).length;
    expect(rows).toHaveLength(19_972);
    expect(impossible({ phone: 'phone' })).toBe(9_187);
    expect(impossible({ phone: 'phone', country: 'country' })).toBe(7_436);
  });
});
