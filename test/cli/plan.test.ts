import { expect, test } from 'vitest';
import { callsText } from '../../src/cli/commands/plan.js';

const kind = (consent: boolean, renames: boolean, rows: number, calls: number) => ({ consent, renames, rows, calls });

test('a plan says what its calls carry only where they differ in it', () => {
  expect(callsText({ calls: 0, kinds: [] })).toBe('0');
  expect(callsText({ calls: 1_020, kinds: [kind(true, false, 1_019_001, 1_020)] })).toBe('1,020');
});

test('a plan tells calls with consent from those without, and those that change keys', () => {
  expect(callsText({ calls: 4, kinds: [kind(true, false, 1, 1), kind(false, false, 1_200, 2), kind(false, true, 50, 1)] }))
    .toBe('4: 1 (1 row) with consent; 2 (1,200 rows) without consent; 1 (50 rows) without consent, changing keys');
});
