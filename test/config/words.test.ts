import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { didYouMean, formatDurationExact, parseDuration } from '../../src/config/index.js';
import { isCron } from '../../src/config/cron.js';
import { editDistance } from '../../src/config/suggest.js';

describe('durations', () => {
  test('a number and a unit, nothing else', () => {
    expect(['500ms', '30s', '5m', '2h', '7d', '0s'].map(parseDuration)).toEqual([500, 30_000, 300_000, 7_200_000, 604_800_000, 0]);
    for (const text of ['', '5', '5 minutes', '-5s', '1.5h', '5M', '1h30m', '99999999999999d']) expect(parseDuration(text)).toBeUndefined();
  });

  test('what is written back is read as the same', () => {
    fc.assert(fc.property(fc.nat(100_000_000), (ms) => parseDuration(formatDurationExact(ms)) === ms));
  });
});

describe('cron expressions', () => {
  test.each(['* * * * *', '*/5 * * * *', '0 1,13 1-15/2 JAN-jun MON', '0 0 ? * 7'])('%s is one', (text) => {
    expect(isCron(text)).toBe(true);
  });
  test.each(['', '* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '5-1 * * * *', '*/0 * * * *', '* * * * FUN', '1/2/3 * * * *', '@hourly'])('%s is none', (text) => {
    expect(isCron(text)).toBe(false);
  });
});

describe('suggestions', () => {
  test('a near word is suggested, a far one is not', () => {
    expect(didYouMean('updated_at', ['updatedAt', 'url'])).toBe('did you mean "updatedAt"?');
    expect(didYouMean('destiantion', ['source', 'destination'])).toContain('destination');
    expect(didYouMean('zzz', ['source', 'destination'])).toBeUndefined();
  });

  test('the distance is none from a word to itself, and the same both ways', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(fc.property(word, word, (a, b) => editDistance(a, a) === 0 && editDistance(a, b) === editDistance(b, a)));
  });
});
