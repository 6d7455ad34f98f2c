import { describe, expect, test } from 'vitest';
import { attributesAskedBy } from '../../src/config/index.js';
import { load, mistakesOf, SMALL } from './support.js';

const withSource = (lines: string, more = ''): string =>
  SMALL.replace(/ {4}type: postgres\n[\s\S]*?(?=destinations:)/, `    type: mailingcore\n${lines}`).replace('    destination: news\n', `    destination: news\n${more}`);
const MINIMAL = '    apiKey: mc_live_hush\n    tenantId: t1\n';

describe('a MailingCore source', () => {
  test('needs its credentials only: fields, key and time are what a contact becomes there, reversed', () => {
    expect(load(withSource(MINIMAL)).sources['crm']).toEqual({
      name: 'crm', type: 'mailingcore', baseUrl: 'https://api.mailingcore.com', apiKey: 'mc_live_hush', tenantId: 't1',
      key: 'externalId', updatedAt: 'updatedAt', overlap: 120_000, pageSize: 500, limits: { calls: 300, per: 60_000 }, timeout: 30_000,
      fields: {
        email: 'email', phone: 'attributes.phone', locale: 'locale', emailConsent: { column: 'optIn' },
        firstName: 'attributes.firstName', lastName: 'attributes.lastName', attributesFrom: 'attributes.*',
      },
    });
  });

  test('given fields take the place of the defaults, false leaves one out, named attributes are the only ones', () => {
    const { fields } = load(withSource(`${MINIMAL}    fields: {phone: attributes.mobile, firstName: false, country: attributes.land, emailConsent: {column: optIn, granted: true}, attributes: {town: city, form: $.source}}\n`)).sources['crm']!;
    expect(fields).toEqual({
      email: 'email', phone: 'attributes.mobile', locale: 'locale', emailConsent: { column: 'optIn', granted: [true] }, country: 'attributes.land',
      lastName: 'attributes.lastName', attributes: { town: 'attributes.city', form: '$.source' },
    });
    expect(load(withSource(`${MINIMAL}    fields: {attributes: false}\n`)).sources['crm']!.fields).not.toHaveProperty('attributesFrom');
  });

  test('limits of its own, each with its default', () => {
    expect(load(withSource(`${MINIMAL}    limits: {calls: 100}\n`)).sources['crm']).toMatchObject({ limits: { calls: 100, per: 60_000 } });
  });

  test('a filter may name any attribute where all are taken, and only fields that are mapped', () => {
    expect(mistakesOf(withSource(MINIMAL, '    filter: {attributes.level: gold}\n'))).toEqual([]);
    const [mistake] = mistakesOf(withSource(MINIMAL, '    filter: {country: NO}\n'));
    expect(mistake).toMatchObject({ key: 'syncs.s.filter.country' });
    expect(JSON.stringify(mistake)).not.toContain('attributesFrom');
  });

  test('every mistake is told, without the key', () => {
    const mistakes = mistakesOf(withSource('    apiKey: [mc_live_hush]\n    tenantId: t1\n    key: id\n    pageSize: 501\n    limits: {calls: 0, concurrency: 2}\n    fields: {phone: true, consentAt: updatedAt, attributesFrom: x}\n'));
    expect(mistakes.map((one) => one.key).sort()).toEqual([
      'sources.crm.apiKey', 'sources.crm.fields.attributesFrom', 'sources.crm.fields.consentAt', 'sources.crm.fields.phone', 'sources.crm.key',
      'sources.crm.limits.calls', 'sources.crm.limits.concurrency', 'sources.crm.pageSize',
    ]);
    expect(JSON.stringify(mistakes)).not.toContain('hush');
  });

  test('attributes a destination has columns for are asked of every contact, but for fields that are mapped', () => {
    const dengage = load(SMALL.replace(/ {4}type: mailingcore\n {4}apiKey: mc_test_1\n {4}tenantId: t1\n/, '    type: dengage\n    userkey: u\n    password: p\n    columns: {a: city, b: city, locale: locale, country: country}\n')).destinations['news']!;
    expect(attributesAskedBy(dengage, { locale: 'locale' })).toEqual(['city', 'country']);
    expect(attributesAskedBy(load(SMALL).destinations['news']!, {})).toEqual([]);
  });
});
