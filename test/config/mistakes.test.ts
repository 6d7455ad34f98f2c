import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError, formatMistake, parseConfig } from '../../src/config/index.js';
import { SOURCE_TYPES } from '../../src/config/sources/index.js';
import { SMALL, mistakesOf, withLine } from './support.js';

const TYPES = Object.keys(SOURCE_TYPES).join(', ');

/** Each: what the rule protects, the line of SMALL that is exchanged, by what, and the one message that follows. */
const CASES: readonly [string, number | `${number}+`, string, string][] = [
  ['a wrong duration', '6+', '    overlap: 2 minutes', 'syncline.yaml:7 sources.crm.overlap: found "2 minutes", expected a duration such as 30s, 5m or 7d'],
  ['a duration without a unit', '6+', '    overlap: 120', 'syncline.yaml:7 sources.crm.overlap: found 120, expected a duration such as 30s, 5m or 7d (add a unit)'],
  ['a duration below its least', '17+', '    schedule: {every: 10ms}', 'syncline.yaml:18 syncs.s.schedule.every: found "10ms", expected a duration such as 30s, 5m or 7d, at least 1s'],
  ['an unknown key', '6+', '    updated_at: x', 'syncline.yaml:7 sources.crm.updated_at: found an unknown key, expected one of type, url, table, query, key, updatedAt, overlap, defaultCountry, fields, pageSize (did you mean "updatedAt"?)'],
  ['an unknown key at the top', '1+', 'synks: {}', 'syncline.yaml:2 synks: found an unknown key, expected one of version, database, temporal, retention, alerts, sources, destinations, syncs (did you mean "syncs"?)'],
  ['a missing key', 7, '', 'syncline.yaml:3 sources.crm.key: found nothing, expected the name of a column'],
  ['a key twice', '7+', '    key: other', 'syncline.yaml:8 sources.crm.key: found the same key a second time, expected each key once (the first is on line 7)'],
  ['an unknown type', 4, '    type: postgress', `syncline.yaml:4 sources.crm.type: found "postgress", expected one of ${TYPES} (did you mean "postgres"?)`],
  ['a missing type', 4, '', `syncline.yaml:3 sources.crm.type: found nothing, expected one of ${TYPES}`],
  ['a type that is not there', 11, '    type: telex', 'syncline.yaml:11 destinations.news.type: found "telex", expected one of mailingcore, dengage, mainbrainer, postgres'],
  ['an unknown source', 16, '    source: cmr', 'syncline.yaml:16 syncs.s.source: found "cmr", expected one of the sources: crm (did you mean "crm"?)'],
  ['an unknown destination', 17, '    destination: sms', 'syncline.yaml:17 syncs.s.destination: found "sms", expected one of the destinations: news'],
  ['table and query both', '6+', '    query: SELECT 1', 'syncline.yaml:7 sources.crm.query: found both table and query, expected exactly one of table and query'],
  ['neither table nor query', 6, '', 'syncline.yaml:3 sources.crm.table: found neither table nor query, expected exactly one of table and query'],
  ['a number where text belongs', 7, '    key: 5', 'syncline.yaml:7 sources.crm.key: found 5, expected the name of a column (put it in quotes)'],
  ['a batch above the platform\'s', '13+', '    batchSize: 1001', 'syncline.yaml:14 destinations.news.batchSize: found 1001, expected a whole number from 1 to 1000'],
  ['a quoted number', '13+', '    limits: {calls: "300"}', 'syncline.yaml:14 destinations.news.limits.calls: found "300", expected a whole number, at least 1'],
  ['a wrong choice', '13+', '    matchBy: emial', 'syncline.yaml:14 destinations.news.matchBy: found "emial", expected one of externalId, email (did you mean "email"?)'],
  ['an unknown country', '6+', '    defaultCountry: UK', 'syncline.yaml:7 sources.crm.defaultCountry: found "UK", expected a country code of two capital letters (ISO 3166), such as US'],
  ['an unknown time zone', '17+', '    schedule: {cron: "0 1 * * *", timeZone: Europe/Pariss}', 'syncline.yaml:18 syncs.s.schedule.timeZone: found "Europe/Pariss", expected a time zone such as Europe/Paris or UTC'],
  ['a wrong cron expression', '17+', '    schedule: {cron: "61 * * * *"}', 'syncline.yaml:18 syncs.s.schedule.cron: found "61 * * * *", expected five cron fields (minute hour day month weekday) such as "*/5 * * * *"'],
  ['two schedules', '17+', '    schedule: {cron: "0 1 * * *", every: 5m}', 'syncline.yaml:18 syncs.s.schedule: found a mapping, expected either every or cron: {every: 5m} or {cron: "*/5 * * * *", timeZone: Europe/Paris}'],
  ['a schedule that is none', '17+', '    schedule: hourly', 'syncline.yaml:18 syncs.s.schedule: found "hourly", expected {every: 5m} or {cron: "*/5 * * * *", timeZone: Europe/Paris}'],
  ['a name a workflow id cannot hold', 15, '  my sync:', 'syncline.yaml:15 syncs.my sync: found "my sync", expected a name of letters, digits, dashes, underscores and dots that begins with a letter or digit, at most 100'],
  ['a filter on what is not mapped', '17+', '    filter: {local: en}', 'syncline.yaml:18 syncs.s.filter.local: found a field that the source does not map, expected one of the fields of sources.crm: email'],
  ['a minimum for a region', '17+', '    verify: {locales: {en-US: 1}}', 'syncline.yaml:18 syncs.s.verify.locales.en-US: found "en-US", expected a base language such as en, or none for contacts without one'],
  ['a certainty nobody has', '17+', '    verify: {confidence: 1}', 'syncline.yaml:18 syncs.s.verify.confidence: found 1, expected a number from 0.5 to 0.9999, such as 0.99'],
  ['a share that is none', '17+', '    verify: {maxError: 0}', 'syncline.yaml:18 syncs.s.verify.maxError: found 0, expected a share between 0 and 1, such as 0.01'],
  ['a switch instead of a mapping', '17+', '    verify: true', 'syncline.yaml:18 syncs.s.verify: found true, expected a mapping such as {after: run, locales: {en: 1}, tolerance: 0}'],
  ['a consent of the wrong shape', 8, '    fields: {emailConsent: [a]}', 'syncline.yaml:8 sources.crm.fields.emailConsent: found a list, expected a column, or {column, granted: [...], denied: [...]}'],
  ['a list where a mapping belongs', 8, '    fields: [email]', 'syncline.yaml:8 sources.crm.fields: found a list, expected a mapping of contact field: column'],
  ['consentAt that is updatedAt', 8, '    updatedAt: u\n    fields: {consentAt: u}', 'syncline.yaml:9 sources.crm.fields.consentAt: found the column of updatedAt, expected the column that says when the person consented (leave consentAt out where there is none)'],
  ['an alias of nothing', '13+', '    account: *nothing', 'syncline.yaml:14 destinations.news.account: found *nothing, expected an alias of an anchor that stands before it'],
  ['a wrong version', 1, 'version: 2', 'syncline.yaml:1 version: found 2, expected 1'],
  ['a base URL without a host', '12+', '    baseUrl: "http:///mailingcore"', 'syncline.yaml:13 destinations.news.baseUrl: found "http:///mailingcore", expected a URL such as https://api.mailingcore.com, without credentials or parameters'],
  ['an empty address', '1+', 'temporal: {address: ""}', 'syncline.yaml:2 temporal.address: found "", expected host:port, such as temporal.internal:7233'],
  ['a wrong address', '1+', 'temporal: {address: "http://x:1"}', 'syncline.yaml:2 temporal.address: found "http://x:1", expected host:port, such as temporal.internal:7233'],
  ['a retention that is no duration', '1+', 'retention: {rejected: 90}', 'syncline.yaml:2 retention.rejected: found 90, expected a duration such as 30s, 5m or 7d, at least 1h (add a unit)'],
  ['a retention too short for anybody to mend a row', '1+', 'retention: {rejected: 10m}', 'syncline.yaml:2 retention.rejected: found "10m", expected a duration such as 30s, 5m or 7d, at least 1h'],
  ['a retention of something else', '1+', 'retention: {contacts: 90d}', 'syncline.yaml:2 retention.contacts: found an unknown key, expected one of rejected'],
  ['a retention without a name', '1+', 'retention: 90d', 'syncline.yaml:2 retention: found "90d", expected {rejected: 90d}'],
  ['a section that is a list', 14, 'syncs: []\nsyncs_:', 'syncline.yaml:14 syncs: found an empty list, expected a mapping of name: settings'],
];

describe('each mistake is told with its line, key, what was found and what was expected', () => {
  test.each(CASES)('%s', (_rule, line, replacement, message) => {
    const found = mistakesOf(withLine(SMALL, line, replacement)).map(formatMistake);
    expect(found).toContain(message);
    // A section exchanged as a whole leaves its old content under another key.
    if (!replacement.includes('syncs_')) expect(found).toHaveLength(1);
  });

  test('all mistakes of a file come at once, in the order of its lines', () => {
    const broken = SMALL.replace('type: postgres', 'type: csv').replace('apiKey: mc_test_1', 'apiKey: ${NOPE}').replace('source: crm', 'source: x');
    const keys = mistakesOf(withLine(broken, '17+', '    onDelete: forget')).map(({ line, key }) => `${String(line)} ${key}`);
    expect(keys).toEqual([
      '3 sources.crm.path',
      '5 sources.crm.url',
      '6 sources.crm.table',
      '12 destinations.news.apiKey',
      '16 syncs.s.source',
      '18 syncs.s.onDelete',
    ]);
  });

  test('destinations of one account cannot have different limits', () => {
    const two = SMALL.replace('syncs:', '  more:\n    type: mailingcore\n    apiKey: mc_test_1\n    tenantId: t1\n    limits: {calls: 9}\nsyncs:');
    expect(mistakesOf(two).map(formatMistake)).toEqual([
      expect.stringMatching(/^syncline\.yaml:18 destinations\.more\.limits: found limits that differ from those of destinations\.news, expected the same limits for both: they share the account mailingcore:api\.mailingcore\.com:[0-9a-f]{6} /),
    ]);
    expect(mistakesOf(two.replace('tenantId: t1\n    limits', 'tenantId: t2\n    limits'))).toEqual([]);
  });
});

describe('what is no YAML', () => {
  test.each([
    ['a tab in the indentation', 'version: 1\nsources:\n\tcrm: 1\n', 3],
    ['an open bracket', 'version: 1\nsources: {a: [1\n', 3],
    ['an unknown tag', 'version: 1\nsources: !secret x\n', 2],
    ['two documents', 'version: 1\n---\nversion: 1\n', 2],
  ])('%s is told with its line', (_rule, text, line) => {
    const mistakes = mistakesOf(text);
    expect(mistakes.length).toBeGreaterThan(0);
    expect(mistakes[0]).toMatchObject({ line, expected: 'YAML that can be read' });
  });

  test('an empty file is told', () => {
    expect(mistakesOf('').map(formatMistake)).toEqual([expect.stringContaining('found an empty file, expected version, sources')]);
    expect(mistakesOf('just words')).toHaveLength(1);
  });

  test('aliases without end and brackets without end are mistakes, not crashes', () => {
    expect(mistakesOf('a: &a [*a]\n').length).toBeGreaterThan(0);
    const laughs = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++) laughs.push(`a${String(i)}: &a${String(i)} [${Array(10).fill(`*a${String(i - 1)}`).join(', ')}]`);
    expect(mistakesOf(laughs.join('\n')).some(({ found }) => found.startsWith('more than'))).toBe(true);
    expect(mistakesOf('['.repeat(20_000)).length).toBeGreaterThan(0);
  });
});

describe('whatever the file holds', () => {
  const attempt = (text: string): void => {
    try {
      parseConfig(text, { file: '/x/syncline.yaml', shown: 'syncline.yaml', env: {} });
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      for (const mistake of (error as ConfigError).mistakes) expect(mistake.line).toBeGreaterThanOrEqual(1);
    }
  };
  const key = fc.constantFrom('version', 'sources', 'destinations', 'syncs', 'type', 'fields', 'url', 'limits', 'account', 'schedule', 'filter', '__proto__', '1');
  const scalar = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constantFrom(null, 'postgres', 'csv', 'mailingcore', '${X}', '${', '5m'));
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(fc.oneof(key, fc.string()), tie('tree'), { maxKeys: 6 })),
  }));

  test('any object at all is loaded or refused with a ConfigError', () => {
    fc.assert(fc.property(fc.dictionary(key, tree), (value) => { attempt(stringify(value)); }), { numRuns: 300 });
  });

  test('any text at all is loaded or refused with a ConfigError', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => { attempt(text); }), { numRuns: 300 });
  });

  test('any one value of a good file exchanged for anything is loaded or refused with a ConfigError', () => {
    const lines = SMALL.split('\n').length - 1;
    fc.assert(
      fc.property(fc.nat(lines - 1), tree, (line, value) => {
        const text = SMALL.split('\n');
        text[line] = (text[line] ?? '').replace(/:.*$/, `: ${JSON.stringify(value)}`);
        attempt(text.join('\n'));
      }),
      { numRuns: 500 },
    );
  });
});
