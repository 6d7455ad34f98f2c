import { describe, expect, test } from 'vitest';
import { formatMistake, type MailingCoreConfig } from '../../src/config/index.js';
import { SMALL, load, mistakesOf, withLine } from './support.js';

const suppressionsOf = (line: string | null): MailingCoreConfig['suppressions'] =>
  (load(line === null ? SMALL : withLine(SMALL, '13+', `    ${line}`)).destinations['news'] as MailingCoreConfig).suppressions;

describe('when a mailingcore destination is asked who opted out there', () => {
  test.each<[string | null, MailingCoreConfig['suppressions']]>([
    [null, { read: 'beforeRun' }],
    ['suppressions: {}', { read: 'beforeRun' }],
    ['suppressions: {read: beforeRun}', { read: 'beforeRun' }],
    ['suppressions: {read: never}', { read: 'never' }],
    ['suppressions: {read: {every: 15m}}', { read: { every: 900_000 } }],
    ['suppressions: {every: 1h}', { read: { every: 3_600_000 } }],
  ])('%s', (line, expected) => {
    expect(suppressionsOf(line)).toEqual(expected);
  });

  const WORDS = '{read: beforeRun}, {read: never} or {read: {every: 15m}}';
  test.each([
    ['suppressions: never', `destinations.news.suppressions: found "never", expected ${WORDS}`],
    ['suppressions: {read: nevr}', 'destinations.news.suppressions.read: found "nevr", expected one of beforeRun, never (did you mean "never"?)'],
    ['suppressions: {read: 15m}', 'destinations.news.suppressions.read: found "15m", expected one of beforeRun, never'],
    ['suppressions: {every: 15}', 'destinations.news.suppressions.every: found 15, expected a duration such as 30s, 5m or 7d, at least 1s (add a unit)'],
    ['suppressions: {read: {every: 10ms}}', 'destinations.news.suppressions.read.every: found "10ms", expected a duration such as 30s, 5m or 7d, at least 1s'],
    ['suppressions: {read: {evry: 15m}}', 'destinations.news.suppressions.read.evry: found an unknown key, expected one of every (did you mean "every"?)'],
    ['suppressions: {every: 15m, read: never}', 'destinations.news.suppressions.every: found an unknown key, expected one of read'],
  ])('%s is a mistake in words', (line, message) => {
    expect(mistakesOf(withLine(SMALL, '13+', `    ${line}`)).map(formatMistake)).toContain(`syncline.yaml:14 ${message}`);
  });

  test('elsewhere it is a mistake that says where it belongs', () => {
    const dengage = SMALL.replace(/ {4}type: mailingcore\n {4}apiKey: .*\n {4}tenantId: .*\n/, '    type: dengage\n    userkey: u\n    password: p\n    suppressions: {read: never}\n');
    expect(mistakesOf(dengage)).toMatchObject([{ key: 'destinations.news.suppressions', hint: 'only a mailingcore destination can be asked who opted out there; leave it out here' }]);
  });
});
