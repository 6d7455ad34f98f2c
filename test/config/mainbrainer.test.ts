import { describe, expect, test } from 'vitest';
import type { MainBrainerConfig } from '../../src/config/index.js';
import { SMALL, load, mistakesOf } from './support.js';

const LIST = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
const withKeys = (...lines: readonly string[]): string =>
  SMALL.replace(/ {4}type: mailingcore\n {4}apiKey: .*\n {4}tenantId: .*\n/, ['type: mainbrainer', 'userName: ann@example.com', 'password: hush', 'privateToken: hush-too', ...lines].map((line) => `    ${line}\n`).join(''));
const loaded = (...lines: readonly string[]): MainBrainerConfig => load(withKeys(...lines)).destinations['news'] as MainBrainerConfig;

describe('a mainbrainer destination', () => {
  test('takes the platform\'s documented ways where nothing is said', () => {
    const { account, ...config } = loaded();
    expect(config).toEqual({
      name: 'news', type: 'mainbrainer', baseUrl: 'https://apicrm.mainbrainer.com', userName: 'ann@example.com', password: 'hush', privateToken: 'hush-too',
      onKeyChange: 'hold', properties: {}, resultsWithin: 1_800_000, batchSize: 100, limits: { calls: 100, per: 10_000, concurrency: 8 },
      timeout: 30_000, settleDelay: 60_000, linger: 2000,
    });
    expect(account).toMatch(/^mainbrainer:apicrm\.mainbrainer\.com:[0-9a-f]{6}$/);
  });

  test('takes everything the contract names', () => {
    expect(loaded(`listId: ${LIST}`, 'webhookUrl: https://sync.example/webhooks/sms?tenant=1', 'onKeyChange: send', `properties: {city: city, ${LIST}: points}`, 'batchSize: 1000', 'resultsWithin: 5m')).toMatchObject({
      listId: LIST, webhookUrl: 'https://sync.example/webhooks/sms?tenant=1', onKeyChange: 'send', properties: { city: 'city', [LIST]: 'points' }, batchSize: 1000, resultsWithin: 300_000,
    });
  });

  test('two lists of one account share it, a changed password keeps it', () => {
    expect(loaded(`listId: ${LIST}`).account).toBe(loaded().account);
    expect((load(withKeys().replace('password: hush', 'password: other')).destinations['news'])?.account).toBe(loaded().account);
  });

  test.each([
    ['listId: mine', 'the uuid of a list'],
    ['webhookUrl: ftp://x.example', 'a URL such as'],
    ['onKeyChange: drop', 'hold, send'],
    ['properties: [city]', 'a mapping of property name or uuid: attribute'],
    ['properties: {city: }', 'the name of an attribute'],
    ['batchSize: 1001', 'from 1 to 1000'],
    ['resultsWithin: 10ms', 'at least 1s'],
    ['listID: x', 'one of type'],
  ])('%s is a mistake in words', (line, words) => {
    const mistakes = mistakesOf(withKeys(line));
    expect(mistakes).toHaveLength(1);
    expect(JSON.stringify(mistakes)).toContain(words);
    expect(JSON.stringify(mistakes)).not.toContain('hush');
  });
});
