import { describe, expect, test } from 'vitest';
import { load, mistakesOf, SMALL } from './support.js';

const withDestination = (lines: string): string => SMALL.replace(/ {4}type: mailingcore\n {4}apiKey: mc_test_1\n {4}tenantId: t1\n/, `    type: dengage\n${lines}`);
const MINIMAL = '    userkey: u\n    password: hush\n';

describe('a D·engage destination', () => {
  test('needs its credentials only; the rest is the platform\'s documented way', () => {
    expect(load(withDestination(MINIMAL)).destinations['news']).toMatchObject({
      type: 'dengage',
      baseUrl: 'https://api.dengage.com',
      insertIfNotExists: true,
      throwExceptionIfInvalidRecord: false,
      columns: {},
      batchSize: 1000,
      limits: { calls: 1, per: 60_000, concurrency: 1, read: { calls: 60, per: 60_000 } },
      account: expect.stringMatching(/^dengage:api\.dengage\.com:[0-9a-f]{6}$/) as string,
    });
  });

  test('given limits keep the reads apart, and may ask for a gap', () => {
    const { limits } = load(withDestination(`${MINIMAL}    limits: {per: 2s, gap: 2500ms}\n`)).destinations['news'] ?? {};
    expect(limits).toEqual({ calls: 1, per: 2000, concurrency: 1, gap: 2500, read: { calls: 60, per: 60_000 } });
  });

  test('every mistake is told, the columns that Syncline fills among them, and no password', () => {
    const mistakes = mistakesOf(withDestination('    userkey: u\n    password: [hush]\n    insertIfNotExists: maybe\n    columns: {city: city, Email_Permission: consent}\n'));
    expect(mistakes.map((one) => one.key)).toEqual(expect.arrayContaining(['destinations.news.password', 'destinations.news.insertIfNotExists', 'destinations.news.columns.Email_Permission']));
    expect(JSON.stringify(mistakes)).not.toContain('hush');
  });

  test('cannot be asked about a campaign: one that is configured is a mistake', () => {
    const campaign = (text: string): string => text.replace('destination: news\n', 'destination: news\n    verify: {campaign: spring}\n');
    expect(load(campaign(SMALL)).syncs['s']?.verify).toMatchObject({ after: 'run', campaign: 'spring' });
    expect(mistakesOf(campaign(withDestination(MINIMAL)))).toMatchObject([{ key: 'syncs.s.verify.campaign', found: 'a campaign of dengage, which cannot be asked about one' }]);
  });

  test('destinations of one account cannot ask for different gaps', () => {
    const two = withDestination(`${MINIMAL}    account: a\n`).replace('syncs:', `  more:\n    type: dengage\n${MINIMAL}    account: a\n    limits: {gap: 2s}\nsyncs:`);
    expect(mistakesOf(two).map((one) => one.key)).toEqual(['destinations.more.limits']);
  });
});
