import { expect, test } from 'vitest';
import { ADDED, chooseChanges, chooseSpoilt } from '../../src/demo/plan.js';

const keys = Array.from({ length: 19_972 }, (_, i) => String(i + 1));

test('a few dozen contacts are spoilt, each in one way, the same ones every time', () => {
  const spoilt = chooseSpoilt(keys);
  const all = Object.values(spoilt).flat();
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBe(46);
  expect(Object.values(spoilt).every((some) => some.length > 0)).toBe(true);
  expect(chooseSpoilt(keys)).toEqual(spoilt);
});

test('two hundred contacts change, fifty opt out, twenty are new, and none of them twice', () => {
  const { optedOut, ...changed } = chooseChanges(keys);
  expect([Object.values(changed).flat().length, optedOut.length, ADDED]).toEqual([200, 50, 20]);
  expect(new Set([...Object.values(changed).flat(), ...optedOut]).size).toBe(250);
});
