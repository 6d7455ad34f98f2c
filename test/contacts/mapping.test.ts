import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Expression, FieldsConfig, MappingConfig } from '../../src/config/index.js';
import { compileContactReader, mapContacts, type Contact } from '../../src/contacts/index.js';
import { renamed } from '../../src/contacts/expression.js';
import { compileMapping } from '../../src/contacts/mapping.js';
import { parseTemplate, templateText } from '../../src/contacts/template.js';

const FIELDS: FieldsConfig = {
  email: 'email', locale: 'locale', country: 'country', phone: 'phone', firstName: 'first', lastName: 'last', emailConsent: { column: 'opt' },
  attributes: { city: 'city', firstName: 'nick' },
};

const ANN: Contact = {
  key: '7', email: 'ann@example.com', locale: null, country: 'NO', phone: '+4721234567', firstName: 'Ann', lastName: null, emailConsent: 'denied',
  attributes: { city: 'Oslo', firstName: 'Annie' },
};

const map = (mapping: MappingConfig, contact: Contact = ANN) => compileMapping(mapping, { fields: FIELDS })(contact);

/** A source's field `firstName` (plain text) made of the row. */
function made(expression: Expression, row: Record<string, unknown>) {
  const reader = compileContactReader({ firstName: expression });
  const built = reader.read({ key: 'k', values: reader.columns.map((column) => row[column]) });
  if ('invalid' in built) throw new Error(built.invalid);
  return { value: built.contact.firstName, warnings: built.warnings };
}

describe('a lookup', () => {
  it('gives what is listed; what is not is empty with a warning that holds no value, unless there is a default', () => {
    const lookup = { from: 'country', map: { NO: 'en', SE: null } };
    expect(made(lookup, { country: 'NO' })).toEqual({ value: 'en', warnings: [] });
    expect(made(lookup, { country: 'SE' })).toEqual({ value: null, warnings: [] });
    expect(made(lookup, { country: 'DK' })).toEqual({ value: null, warnings: ['firstName: not in its map'] });
    expect(made(lookup, { country: { code: 'NO' } })).toEqual({ value: null, warnings: ['firstName: not in its map'] });
    expect(made({ ...lookup, default: 'de' }, { country: 'DK' })).toEqual({ value: 'de', warnings: [] });
    expect(made({ ...lookup, default: '' }, { country: 'DK' })).toEqual({ value: null, warnings: [] });
    expect(made({ ...lookup, default: { from: 'country' } }, { country: 'DK' })).toEqual({ value: 'DK', warnings: [] });
  });

  it('takes the default for an empty value, unless the map lists it, and empty without one is no warning', () => {
    expect(made({ from: 'a', default: { from: 'b' } }, { a: ' ', b: 'B' })).toEqual({ value: 'B', warnings: [] });
    expect(made({ from: 'a', default: 'x' }, { a: 'A' })).toEqual({ value: 'A', warnings: [] });
    expect(made({ from: 'a', map: { '': 'none', x: 'y' } }, { a: null })).toEqual({ value: 'none', warnings: [] });
    expect(made({ from: 'a', map: { x: 'y' } }, { a: null })).toEqual({ value: null, warnings: [] });
  });

  it('compares as written first, else without letter case and blanks, where only one entry is meant', () => {
    const lookup = { from: 'a', map: { No: 1, NO: 2, yes: 3, '4': 'four', true: 'T' } };
    expect(made(lookup, { a: 'No' }).value).toBe('1');
    expect(made(lookup, { a: ' NO ' }).value).toBe('2');
    expect(made(lookup, { a: 'no' })).toEqual({ value: null, warnings: ['firstName: not in its map'] });
    expect(made(lookup, { a: 'YES' }).value).toBe('3');
    expect(made(lookup, { a: 4 }).value).toBe('four');
    expect(made(lookup, { a: true }).value).toBe('T');
  });
});

describe('a template', () => {
  it('puts names between its text; a missing part is empty, and where all are the whole is', () => {
    expect(made({ template: '{first} {last}' }, { first: ' Ann ', last: 'Lee' }).value).toBe('Ann Lee');
    expect(made({ template: '{first} {last}' }, { first: 'Ann', last: null }).value).toBe('Ann');
    expect(made({ template: 'Room {first}{last}' }, { first: '', last: { a: 1 } }).value).toBe(null);
    expect(made({ template: '{{{first}}} of { last }' }, { first: 'Ann', last: 0 }).value).toBe('{Ann} of 0');
  });

  it('has no brace that stands alone and no empty name', () => {
    for (const text of ['{', '}', 'a {b', 'a} b', '{}', '{ }', '{a{b}', '{{a}']) expect(parseTemplate(text)).toBe(null);
  });

  it('says what it was given, whatever the texts and names are', () => {
    const name = fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.replace(/[{}]/g, '').trim()).filter((text) => text !== '');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), name)), fc.string({ unit: 'binary' }), (parts, end) => {
        const template = { texts: [...parts.map(([text]) => text), end], names: parts.map(([, one]) => one) };
        const text = templateText(template, (one) => one);
        expect(parseTemplate(text)).toEqual(template);
        if (template.names.length === 0) return;
        const row = Object.fromEntries(template.names.map((one) => [one, 'x']));
        const plain = template.texts.join('x').trim();
        expect(renamed({ template: text }, (one) => `a.${one}`)).toEqual({ template: templateText({ ...template, names: template.names.map((one) => `a.${one}`) }, (one) => one) });
        const reader = compileContactReader({ attributes: { it: { template: text } } });
        const built = reader.read({ key: 'k', values: reader.columns.map((column) => row[column]) });
        // Halves of characters cannot be stored.
        if ('contact' in built && built.warnings.length === 0) expect(built.contact.attributes?.['it']).toBe(plain);
      }),
      { numRuns: 300 },
    );
  });
});

describe('fields of a source', () => {
  it('are made of columns, brought to their normal form, and each column is asked for once', () => {
    const reader = compileContactReader({
      email: { template: '{user}@{host}' }, phone: 'tel', locale: { from: 'land', map: { NO: 'en-GB', FR: 'fr' } }, country: 'land',
      consentVersion: { const: 2 }, attributes: { tier: { const: 'gold' }, where: { template: '{city}, {land}' }, from: 'city' },
    });
    expect([...reader.columns].sort()).toEqual(['city', 'host', 'land', 'tel', 'user']);
    const row: Record<string, unknown> = { user: 'Ann', host: 'EXAMPLE.com', tel: '21 23 45 67', land: 'no', city: 'Oslo' };
    expect(reader.read({ key: 'k', values: reader.columns.map((column) => row[column]) })).toEqual({
      contact: {
        key: 'k', email: 'Ann@example.com', phone: '+4721234567', locale: 'en', country: 'NO', consentVersion: '2',
        attributes: { tier: 'gold', where: 'Oslo, no', from: 'Oslo' },
      },
      warnings: [],
    });
  });

  it('of columns alone are read as if there were no expressions', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    fc.assert(fc.property(fc.record({ email: value, first: value, last: value, land: value, city: value }), (row) => {
      const readBy = (fields: FieldsConfig) => {
        const reader = compileContactReader(fields, { defaultCountry: 'US' });
        return reader.read({ key: 'k', values: reader.columns.map((column) => row[column as keyof typeof row]) });
      };
      const plain: FieldsConfig = { email: 'email', firstName: 'first', country: 'land', attributes: { city: 'city' } };
      expect(readBy({ ...plain, email: { from: 'email' }, attributes: { city: { from: 'city' } } })).toEqual(readBy(plain));
    }));
  });
});

describe('the mapping of a sync', () => {
  it('is made of the contact as its source gave it, whatever the order of its fields', () => {
    const one = map({ firstName: 'lastName', lastName: 'firstName', locale: { from: 'country', map: { NO: 'en' } }, country: { const: 'SE' }, attributes: { city: 'country' } });
    expect(one.contact).toEqual({ ...ANN, firstName: null, lastName: 'Ann', locale: 'en', country: 'SE', attributes: { city: 'NO', firstName: 'Annie' } });
    expect(one.warnings).toEqual([]);
  });

  it('reads a name as a field that the source maps, else as an attribute; attributes.NAME is always the attribute', () => {
    expect(map({ attributes: { a: 'firstName', b: 'attributes.firstName', c: 'city', d: 'key', e: { template: '{city}/{attributes.city}' } } }).contact.attributes).toMatchObject({ a: 'Ann', b: 'Annie', c: 'Oslo', d: '7', e: 'Oslo/Oslo' });
  });

  it('brings what it makes to the normal form of the field, with warnings by field and without values', () => {
    const { contact, warnings } = map({ email: { template: '{city} {city}' }, locale: 'city', phone: { from: 'city' }, country: 'city', attributes: { x: { from: 'city', map: { Rome: 1 } } } });
    expect(contact).toMatchObject({ email: null, phone: null, country: null, attributes: { city: 'Oslo', x: null } });
    expect([...warnings].sort()).toEqual(['attributes.x: not in its map', 'country: not a two-letter country code', 'email: not a valid address', 'locale: not a language', 'phone: not possible for its country']);
  });

  it('leaves consent, its time, the key and what it does not name as they were', () => {
    const names = ['email', 'phone', 'locale', 'country', 'firstName', 'lastName', 'consentVersion'] as const;
    const expression = fc.oneof(
      fc.constantFrom('key', 'email', 'country', 'city', 'emailConsent'),
      fc.record({ const: fc.oneof(fc.string(), fc.integer(), fc.boolean()) }),
      fc.record({ from: fc.constantFrom('city', 'country', 'lastName'), map: fc.dictionary(fc.constantFrom('Oslo', 'NO', ''), fc.oneof(fc.string(), fc.constant(null))), default: fc.string() }),
      fc.record({ template: fc.constantFrom('{city}', '{firstName} {lastName}') }),
    );
    const some = fc.uniqueArray(fc.constantFrom(...names));
    fc.assert(fc.property(some, fc.array(expression, { minLength: names.length, maxLength: names.length }), (chosen, expressions) => {
      const mapping = Object.fromEntries(chosen.map((name, i) => [name, expressions[i]])) as MappingConfig;
      const before = structuredClone(ANN);
      const { contact, warnings } = map(mapping);
      expect(ANN).toEqual(before);
      for (const name of Object.keys(ANN) as (keyof Contact)[]) if (!(chosen as readonly string[]).includes(name)) expect(contact[name]).toEqual(ANN[name]);
      for (const name of chosen) expect(contact[name] === null || typeof contact[name] === 'string').toBe(true);
      for (const warning of warnings) expect(warning).not.toMatch(/Oslo|Ann/);
      expect(map(mapping)).toEqual({ contact, warnings });
    }));
  });

  it('keeps a source\'s own warnings and invalid rows', () => {
    const reader = mapContacts(compileContactReader(FIELDS), { attributes: { tier: { const: 'gold' } } }, { fields: FIELDS });
    const values = reader.columns.map((column) => (column === 'email' ? 'nobody' : null));
    expect(reader.read({ key: 'k', values })).toMatchObject({ contact: { email: null, attributes: { tier: 'gold' } }, warnings: ['email: not a valid address'] });
    expect(reader.read({ key: null, values })).toEqual({ invalid: 'key: missing' });
  });
});
