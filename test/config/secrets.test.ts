import { describe, expect, test } from 'vitest';
import { ConfigError, redactedConfig } from '../../src/config/index.js';
import { interpolate } from '../../src/config/interpolate.js';
import { ENV, EXAMPLE, SMALL, load, mistakesOf, withLine } from './support.js';

describe('placeholders', () => {
  const put = (text: string, env: Record<string, string> = {}): string => interpolate(text, { env, directory: '/' }).text;

  test('a variable, its default where unset or empty, and the escape', () => {
    expect(put('a ${X} b', { X: '1' })).toBe('a 1 b');
    expect(put('${X:-d:-e}')).toBe('d:-e');
    expect(put('${X:-d}', { X: '' })).toBe('d');
    expect(put('${X:-d}', { X: 'v' })).toBe('v');
    expect(put('$${X} $X $')).toBe('${X} $X $');
    expect(put('${X}', { X: '${Y}' })).toBe('${Y}');
  });

  test('numbers and booleans may come from the environment', () => {
    const text = withLine(SMALL, '13+', '    limits: {calls: "${CALLS}", per: "${PER:-60s}"}');
    expect(load(text, { CALLS: '7' }).destinations['news']?.limits.calls).toBe(7);
    expect(mistakesOf(text, { CALLS: 'many' })).toMatchObject([{ key: 'destinations.news.limits.calls', found: '${CALLS}' }]);
    expect(load(withLine(SMALL, 13, '    tenantId: ${T}'), { T: '123' }).destinations['news']).toMatchObject({ tenantId: '123' });
  });

  test('a missing variable is one mistake with its line, key and name', () => {
    expect(mistakesOf(withLine(SMALL, 12, '    apiKey: ${MC_KEY}'))).toEqual([
      { file: 'syncline.yaml', line: 12, key: 'destinations.news.apiKey', found: '${MC_KEY}', expected: 'the environment variable MC_KEY to be set' },
    ]);
  });

  test('an empty variable is a missing value where one is needed, and leaves out what is optional', () => {
    expect(mistakesOf(withLine(SMALL, 12, '    apiKey: ${MC_KEY}'), { MC_KEY: '' })).toMatchObject([{ found: '${MC_KEY} (empty)', expected: 'an API key' }]);
    expect(load(withLine(SMALL, '13+', '    webhookSecret: ${S:-}')).destinations['news']).not.toHaveProperty('webhookSecret');
  });

  test('an unreadable file, an open brace and a wrong form are mistakes', () => {
    for (const [written, words] of [['${file:no/such}', 'there is no such file'], ['${X', 'closing brace'], ['${1X}', '${NAME}'], ['${file:}', 'a path']] as const) {
      const [mistake, ...more] = mistakesOf(withLine(SMALL, 12, `    apiKey: "${written}"`));
      expect(more).toEqual([]);
      expect(`${mistake?.expected ?? ''} ${mistake?.hint ?? ''}`).toContain(words);
    }
  });
});

describe('no secret is ever shown', () => {
  const messageOf = (text: string, env: Record<string, string> = {}): string => {
    try {
      load(text, env);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
    }
    return '';
  };

  test.each([
    ['a value under a secret\'s key', 12, '    apiKey: [hush]'],
    ['an unusable URL with a password', 5, '    url: mysql://me:hush@host/db'],
    ['an unusable URL whose password holds @ and /', 5, '    url: mysql://me:a/b@hush@host/db'],
    ['an unusable URL with a password among its parameters', 5, '    url: mysql://host/db?user=me&password=hush'],
    ['a URL that is none', 5, '    url: me:hush@host'],
    ['what a variable holds', 5, '    url: ${SECRET}'],
    ['the default of a variable', 5, '    url: ${OTHER:-mysql://me:hush@host}'],
    ['text beside a variable', 5, '    url: mysql://me:hush@${SECRET}'],
    ['a base URL with credentials', 11, '    type: mailingcore\n    baseUrl: https://me:hush@host'],
    ['YAML that ends too early', 12, '    apiKey: "hush'],
    ['YAML that goes on too long', 12, '    apiKey: "a" hush'],
  ])('%s', (_rule, line, replacement) => {
    const message = messageOf(withLine(SMALL, line, replacement), { SECRET: 'hush' });
    expect(message).not.toBe('');
    expect(message).not.toContain('hush');
  });

  test('what a run stores holds none, and says where it reads and sends', () => {
    const { config } = redactedConfig(load(EXAMPLE, ENV), 'crm-newsletter');
    const text = JSON.stringify(config);
    expect(text).not.toContain('hush');
    expect(text).toContain('postgres://***@crm/crm');
    expect(text).toContain('https://api.mailingcore.com');
    expect(config.source).toMatchObject({ fields: { email: 'email' } });
  });

  test('a column that is called like a secret is kept', () => {
    const { config } = redactedConfig(load(SMALL.replace('{email: email}', '{email: email, attributes: {token: tok}}')), 's');
    expect(config.source).toMatchObject({ fields: { attributes: { token: 'tok' } } });
  });

  test('the hash changes with the mapping, not with a password or the order of keys', () => {
    const hash = (text: string, env: Record<string, string> = ENV): string => redactedConfig(load(text, env), 'crm-newsletter').configHash;
    const before = hash(EXAMPLE);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(hash(EXAMPLE, { ...ENV, CRM_DATABASE_URL: 'postgres://crm:other-hush@crm/crm' })).toBe(before);
    expect(hash(EXAMPLE.replace('      email: email\n      phone: phone', '      phone: phone\n      email: email'))).toBe(before);
    expect(hash(EXAMPLE.replace('phone: phone', 'phone: mobile'))).not.toBe(before);
  });

  test('an unknown sync has no configuration', () => {
    expect(() => redactedConfig(load(SMALL), 'toString')).toThrow('no sync named "toString"');
  });
});

test('a prefix goes before the task queue; one that could be taken for another id, and half a key, are mistakes, and the key is not shown', () => {
  const key = 'ab'.repeat(32);
  const at = (lines: string): string => `${SMALL}\ntemporal: {${lines}}\n`;
  expect(load(at(`prefix: acme, taskQueue: night, encryptionKey: ${key}`)).temporal).toMatchObject({ prefix: 'acme', taskQueue: 'acme/night', encryptionKey: key });
  expect(mistakesOf(at('prefix: lane'))).toMatchObject([{ key: 'temporal.prefix', found: '"lane"' }]);
  expect(mistakesOf(at('prefix: a/b'))).toHaveLength(1);
  const [mistake] = mistakesOf(at(`encryptionKey: ${key.slice(2)}`));
  expect(mistake).toMatchObject({ key: 'temporal.encryptionKey' });
  expect(JSON.stringify(mistake)).not.toContain('abab');
});
