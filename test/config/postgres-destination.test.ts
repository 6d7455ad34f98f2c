import { describe, expect, test } from 'vitest';
import { attributesAskedBy, redactedConfig } from '../../src/config/index.js';
import { configurationOf } from '../../src/control/index.js';
import { load, mistakesOf, SMALL } from './support.js';

const MINIMAL = '    url: postgres://app:hush@db.internal:6432/crm\n    table: public.people\n    key: id\n    columns: {mail: email}\n';
/** The small configuration with its destination, and its source's fields, exchanged. */
const withDestination = (lines: string, fields = '{email: email, emailConsent: opt_in, attributes: [city, key]}'): string =>
  SMALL.replace(/ {4}type: mailingcore\n {4}apiKey: mc_test_1\n {4}tenantId: t1\n/, `    type: postgres\n${lines}`).replace('{email: email}', fields);
const changed = (from: string, to: string): string => withDestination(MINIMAL.replace(from, to));

describe('a Postgres destination', () => {
  test('needs an address, a table, its key and a column; nobody counts its calls but we', () => {
    expect(load(withDestination(MINIMAL)).destinations['news']).toMatchObject({
      type: 'postgres', table: 'public.people', key: 'id', columns: { mail: 'email' }, batchSize: 1000, limits: { calls: 600, per: 60_000, concurrency: 2 },
      account: expect.stringMatching(/^postgres:db\.internal:6432:[0-9a-f]{6}$/) as string,
    });
  });

  test('a bare name that is no field of a contact is an attribute, and asks for it', () => {
    const config = load(changed('{mail: email}', '{mail: email, town: city, own: attributes.key, ok: emailConsent}'));
    const destination = config.destinations['news']!;
    expect(destination).toMatchObject({ columns: { mail: 'email', town: 'attributes.city', own: 'attributes.key', ok: 'emailConsent' } });
    expect(attributesAskedBy(destination, {})).toEqual(['city', 'key']);
  });

  test('tables of one database and role share an account, whatever the password; another role or database does not', () => {
    const account = (url: string): string => load(changed('postgres://app:hush@db.internal:6432/crm', url)).destinations['news']!.account;
    const one = account('postgres://app:hush@db.internal:6432/crm');
    expect(account('postgres://app:other@db.internal:6432/crm?sslmode=verify-full')).toBe(one);
    expect([account('postgres://bob:hush@db.internal:6432/crm'), account('postgres://app:hush@db.internal:6432/shop')]).not.toContain(one);
  });

  test('its password is in nothing that is stored, and what decides a row is in the mapping\'s hash', () => {
    const config = load(withDestination(MINIMAL));
    expect(JSON.stringify([redactedConfig(config, 's'), configurationOf(config, 's')])).not.toContain('hush');
    const hash = (text: string): string => configurationOf(load(text), 's').mappingHash;
    const one = hash(withDestination(MINIMAL));
    expect(hash(withDestination(`${MINIMAL}    limits: {calls: 7}\n`))).toBe(one);
    for (const other of [changed('public.people', 'public.others'), changed('key: id', 'key: no'), changed('{mail: email}', '{email: email}')]) expect(hash(other)).not.toBe(one);
  });

  test.each<[string, string, string, RegExp]>([
    ['no table', MINIMAL.replace('    table: public.people\n', ''), 'destinations.news.table', /a table such as public\.contacts/],
    ['a url of something else', MINIMAL.replace('postgres://', 'mysql://'), 'destinations.news.url', /postgres:\/\/user/],
    ['no column', MINIMAL.replace('{mail: email}', '{}'), 'destinations.news.columns', /at least one/],
    ['a list of columns', MINIMAL.replace('{mail: email}', '[email]'), 'destinations.news.columns', /a mapping of column: contact field/],
    ['the key as a column', MINIMAL.replace('{mail: email}', '{id: email}'), 'destinations.news.columns.id', /by itself/],
    ['updatedAt as a column', `${MINIMAL}    updatedAt: mail\n`, 'destinations.news.columns.mail', /by itself/],
    ['a field that is no value', MINIMAL.replace('{mail: email}', '{gone: deletedAt}'), 'destinations.news.columns.gone', /write attributes\.deletedAt/],
    ['words without a consent', `${MINIMAL}    consentWords: {granted: 1, denied: 0}\n`, 'destinations.news.consentWords', /a column of emailConsent/],
    ['half of the words', `${MINIMAL.replace('{mail: email}', '{ok: emailConsent}')}    consentWords: {granted: 1}\n`, 'destinations.news.consentWords.denied', /text, a number/],
    ['a field nobody maps', MINIMAL.replace('{mail: email}', '{mail: email, name: firstName}'), 'destinations.news.columns.name', /one of email, emailConsent, attributes\.city/],
    ['a field that is spelt wrong', MINIMAL.replace('{mail: email}', '{mail: emial}'), 'destinations.news.columns.mail', /email/],
    ['too many rows a call', `${MINIMAL}    batchSize: 5000\n`, 'destinations.news.batchSize', /from 1 to 1000/],
  ])('%s is told with the way out, and no password', (_, lines, key, expected) => {
    const mistakes = mistakesOf(withDestination(lines));
    expect(mistakes.map((one) => one.key)).toEqual([key]);
    expect(`${mistakes[0]?.expected} ${mistakes[0]?.hint ?? ''}`).toMatch(expected);
    expect(JSON.stringify(mistakes)).not.toContain('hush');
  });
});
