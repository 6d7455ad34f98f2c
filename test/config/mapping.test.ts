import { describe, expect, test } from 'vitest';
import { attributesAskedBy, formatMistake } from '../../src/config/index.js';
import { configurationOf } from '../../src/control/index.js';
import { EXAMPLE, ENV, load, mistakesOf, SMALL, withLine } from './support.js';

const SOURCE = withLine(SMALL, 8, '    fields: {email: email, country: land, firstName: first, attributes: {city: town}}');

const fieldsOf = (fields: string) => load(withLine(SMALL, 8, `    fields: ${fields}`)).sources['crm']?.fields;
const mappingOf = (mapping: string) => load(withLine(SOURCE, '17+', `    mapping: ${mapping}`)).syncs['s']?.mapping;

describe('a mapping that holds', () => {
  test('fields of a source are columns, lookups, constants or templates', () => {
    const lookup = { from: 'land', map: { NO: 'en', SE: null }, default: { from: 'lang' } };
    expect(fieldsOf('{locale: {from: land, map: {NO: en, SE: null}, default: {from: lang}}, firstName: {template: "{a} {b}"}, consentVersion: {const: 3}, attributes: {tier: {const: gold}, from: city}}')).toEqual({
      locale: lookup, firstName: { template: '{a} {b}' }, consentVersion: { const: 3 }, attributes: { tier: { const: 'gold' }, from: 'city' },
    });
    expect(fieldsOf('{consentVersion: version}')).toEqual({ consentVersion: 'version' });
  });

  test('a sync\'s mapping names fields and attributes of the contact', () => {
    expect(mappingOf('{locale: {from: country, map: {NO: no}}, firstName: city, attributes: {who: {template: "{key} {attributes.city}"}, a: {from: city, default: ""}}}')).toEqual({
      locale: { from: 'country', map: { NO: 'no' } }, firstName: 'city', attributes: { who: { template: '{key} {attributes.city}' }, a: { from: 'city', default: '' } },
    });
  });

  test('fields that only the mapping makes can be filtered by', () => {
    const both = withLine(SOURCE, '17+', '    mapping: {locale: {from: country, map: {NO: en}}, attributes: {tier: {const: 1}}}\n    filter: {locale: en, attributes.tier: 1}');
    expect(mistakesOf(both)).toEqual([]);
  });

  test('MailingCore\'s attributes are named as they are there, in expressions too', () => {
    const text = SMALL.replace(/ {4}type: postgres[\s\S]*?fields: .*\n/, '    type: mailingcore\n    apiKey: k\n    tenantId: t\n    fields: {attributes: {who: {template: "{city}, {$.source}"}, where: {from: city, map: {a: b}}}}\n');
    expect(load(text).sources['crm']?.fields.attributes).toEqual({ who: { template: '{attributes.city}, {$.source}' }, where: { from: 'attributes.city', map: { a: 'b' } } });
  });

  test('what a destination has a column for is no attribute where the mapping makes the field of that name', () => {
    const destination = { columns: { Lang: 'locale', Version: 'consentVersion', City: 'city' } } as never;
    expect(attributesAskedBy(destination, {})).toEqual(['locale', 'consentVersion', 'city']);
    expect(attributesAskedBy(destination, { consentVersion: 'v' }, { locale: { const: 'en' } })).toEqual(['city']);
  });
});

/** What is wrong, the fields or the mapping, the message. */
const FIELDS: readonly [string, string, string][] = [
  ['a language that is none', '{locale: {from: land, map: {NO: English}}}', 'sources.crm.fields.locale.map.NO: found "English", expected a language such as en or pt-BR'],
  ['a country that is none', '{country: {const: Norway}}', 'sources.crm.fields.country.const: found "Norway", expected a country code of two letters (ISO 3166), such as US'],
  ['a lookup of nothing', '{locale: {map: {NO: en}}}', 'sources.crm.fields.locale.from: found nothing, expected the name of a column'],
  ['an empty map', '{locale: {from: land, map: {}}}', 'sources.crm.fields.locale.map: found a mapping, expected at least one value: value, such as {NO: en}'],
  ['a key that no expression has', '{locale: {from: land, maps: {NO: en}}}', 'sources.crm.fields.locale.maps: found an unknown key, expected one of from, map, default (did you mean "map"?)'],
  ['a brace that stands alone', '{firstName: {template: "{first"}}', 'sources.crm.fields.firstName.template: found "{first", expected text with names in braces, such as "{firstName} {lastName}"; a plain brace is written twice'],
  ['a template of nothing', '{attributes: {a: {template: Ann}}}', 'sources.crm.fields.attributes.a.template: found "Ann", expected text with names in braces, such as "{firstName} {lastName}"; a plain brace is written twice'],
  ['consent that is made up', '{emailConsent: {const: granted}}', 'sources.crm.fields.emailConsent: found a mapping, expected a column, or {column, granted: [...], denied: [...]}: consent is never made of a constant, a template or a lookup'],
  ['a deletion for everybody', '{deletedAt: {const: "2025-01-01"}}', 'sources.crm.fields.deletedAt: found a mapping, expected the name of a column'],
];

const MAPPING: readonly [string, string, string][] = [
  ['a field that does not exist', '{local: country}', 'syncs.s.mapping.local: found an unknown key, expected one of email, phone, locale, country, firstName, lastName, consentVersion, attributes (did you mean "locale"?)'],
  ['a name that the source does not map', '{locale: {from: contry, map: {NO: en}}}', 'syncs.s.mapping.locale.from: found "contry", which the source does not map, expected one of the fields of sources.crm: key, email, country, firstName, attributes.city (did you mean "country"?)'],
  ['a name in a template', '{attributes: {who: {template: "{firstName} {lastName}"}}}', 'syncs.s.mapping.attributes.who.template: found "lastName", which the source does not map, expected one of the fields of sources.crm: key, email, country, firstName, attributes.city'],
  ['a name behind a default', '{locale: {from: country, default: {from: lang}}}', 'syncs.s.mapping.locale.default.from: found "lang", which the source does not map, expected one of the fields of sources.crm: key, email, country, firstName, attributes.city'],
  ['consent', '{emailConsent: {from: city, map: {Oslo: granted}}}', 'syncs.s.mapping.emailConsent: found a mapping, expected no mapping here: consent comes from the source alone, by fields there'],
  ['its time', '{consentAt: {const: "2025-01-01"}}', 'syncs.s.mapping.consentAt: found a mapping, expected no mapping here: consent comes from the source alone, by fields there'],
  ['a key', '{previousKey: city}', 'syncs.s.mapping.previousKey: found "city", expected no mapping here: keys and deletion come from the source alone, by fields there'],
  ['a list', '[locale]', 'syncs.s.mapping: found a list, expected a mapping of contact field: field or attribute, or an expression of them'],
];

describe('each mistake is told with its place and what was expected', () => {
  test.each(FIELDS)('in fields: %s', (_rule, fields, message) => {
    expect(mistakesOf(withLine(SMALL, 8, `    fields: ${fields}`)).map(formatMistake)).toEqual([`syncline.yaml:8 ${message}`]);
  });

  test.each(MAPPING)('in a mapping: %s', (_rule, mapping, message) => {
    expect(mistakesOf(withLine(SOURCE, '17+', `    mapping: ${mapping}`)).map(formatMistake)).toEqual([`syncline.yaml:18 ${message}`]);
  });
});

describe('the hash of a mapping', () => {
  const hashOf = (text: string, env: Record<string, string> = ENV): string => configurationOf(load(text, env), 'crm-newsletter').mappingHash;
  const changed = (from: string, to: string): string => {
    const text = EXAMPLE.replace(from, to);
    expect(text).not.toBe(EXAMPLE);
    return hashOf(text);
  };

  test('changes with what decides what a contact becomes', () => {
    const hashes = [
      hashOf(EXAMPLE), changed('locale: locale', 'locale: lang'), changed('locale: locale', 'locale: {from: locale, map: {nb: no}}'), changed('defaultCountry: US', 'defaultCountry: CA'),
      changed('attributes: [city, country]', 'attributes: [city]'), changed('granted: [yes, 1]', 'granted: [yes]'), changed('country: US}', 'country: CA}'), changed('onDelete: optOut', 'onDelete: ignore'),
      changed('    onDelete', '    mapping: {locale: {const: en}}\n    onDelete'), changed('    onDelete', '    mapping: {locale: {const: fr}}\n    onDelete'),
      changed('    onDelete', '    mapping: {attributes: {token: {const: a}}}\n    onDelete'), changed('    onDelete', '    mapping: {attributes: {token: {const: b}}}\n    onDelete'),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('does not change with limits, schedules, secrets, the order of lines and what is only how it is done', () => {
    for (const hash of [
      changed('calls: 300', 'calls: 200'), changed('every: 5m', 'every: 6m'), changed('overlap: 2m', 'overlap: 3m'), changed('tolerance: 0', 'tolerance: 1'),
      changed('      email: email\n      phone: phone\n', '      phone: phone\n      email: email\n'), hashOf(EXAMPLE, { ...ENV, MAILINGCORE_API_KEY: 'other', CRM_DATABASE_URL: 'postgres://crm:other@crm/crm' }),
    ]) expect(hash).toBe(hashOf(EXAMPLE));
  });
});
