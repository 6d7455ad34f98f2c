import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Seen } from '../../src/destinations/seen.js';

it('tells the first time from every later one, as a set does', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 300 }), (texts) => {
      const seen = new Seen();
      const set = new Set<string>();
      for (const text of texts) {
        expect(seen.add(text)).toBe(!set.has(text));
        set.add(text);
      }
      expect(seen.size).toBe(set.size);
    }),
  );
});

it('holds 200,000 ids without taking two for one', () => {
  const seen = new Seen();
  for (let n = 0; n < 200_000; n++) if (!seen.add(`mcc_${n.toString(36)}`)) throw new Error(`${n} was taken for another`);
  expect(seen.add('mcc_0')).toBe(false);
});
