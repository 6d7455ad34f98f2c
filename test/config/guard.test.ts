import { expect, test } from 'vitest';
import { formatMistake, GUARD_DEFAULTS, type GuardConfig } from '../../src/config/index.js';
import { SMALL, load, mistakesOf } from './support.js';

const withGuard = (text: string): string => `${SMALL.trimEnd()}\n    guard: ${text}\n`;

test.each<[string, GuardConfig]>([
  ['false', { optIns: null, changes: null }],
  ['{optIns: 2.5%}', { optIns: { above: 0.025, least: 100 }, changes: GUARD_DEFAULTS.changes }],
  ['{optIns: false, changes: {above: 80%, least: 10}}', { optIns: null, changes: { above: 0.8, least: 10 } }],
  ['{changes: {least: 1}}', { optIns: GUARD_DEFAULTS.optIns, changes: { above: 0.5, least: 1 } }],
])('guard: %s', (text, expected) => {
  expect(Object.values(load(withGuard(text)).syncs)[0]?.guard).toEqual(expected);
});

test.each([
  ['true', 'guard: found true, expected false, or a mapping such as {optIns: 5%, changes: 50%}'],
  ['{optIns: 0%}', 'guard.optIns: found "0%", expected a share such as 5%, above 0% and at most 100%'],
  ['{optins: 5%}', 'guard.optins: found an unknown key, expected one of optIns, changes (did you mean "optIns"?)'],
  ['{changes: {above: 50}}', 'guard.changes.above: found 50, expected a share such as 5%, above 0% and at most 100%'],
])('guard: %s is a mistake in words', (text, message) => {
  expect(mistakesOf(withGuard(text)).map(formatMistake).join('\n')).toContain(message);
});
