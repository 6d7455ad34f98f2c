import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binned, binsOf, mostWithin, spanOf } from '../../src/report/bins.js';

const NOW = Date.parse('2026-03-01T10:00:00Z');
const stretch = fc.tuple(fc.integer({ min: 0, max: 10 ** 9 }), fc.integer({ min: 0, max: 4 * 10 ** 9 })).map(([from, length]) => ({ from: NOW + from, to: NOW + from + length }));

describe('parts of a time', () => {
  test('are few, whole, and hold all of it', () => {
    fc.assert(fc.property(stretch, fc.integer({ min: 3, max: 200 }), ({ from, to }, most) => {
      const span = spanOf(from, to, most);
      expect(span.from).toBeLessThanOrEqual(from);
      expect(span.to).toBeGreaterThanOrEqual(Math.max(to, from + 1));
      expect(binsOf(span)).toBeLessThanOrEqual(most);
      expect((span.to - span.from) / span.step).toBe(binsOf(span));
    }));
  });

  test('hold every thing once, in the part in which it began', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 200 }), (times) => {
      const span = spanOf(NOW, NOW + 100_001, 50);
      const bins = binned(span, times.map((time) => NOW + time), (time) => time);
      expect(bins.flat().sort()).toEqual(times.map((time) => NOW + time).sort());
      bins.forEach((bin, n) => { for (const time of bin) expect(Math.floor((time - span.from) / span.step)).toBe(n); });
    }));
  });
});

test('the most calls in a window are those one would count by hand at every moment', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: -3_000, max: 4_000 }), { maxLength: 40 }), fc.integer({ min: 1, max: 3_000 }), (offsets, per) => {
    const times = offsets.map((offset) => NOW + offset).sort((a, b) => a - b);
    const span = { from: NOW, to: NOW + 4_000, step: 500 };
    const within = (at: number): number => times.filter((time) => time > at - per && time <= at).length;
    const byHand = Array.from({ length: 8 }, (_, n) => {
      const begins = NOW + n * 500;
      return Math.max(within(begins), ...times.filter((time) => time >= begins && time < begins + 500).map(within));
    });
    expect(mostWithin(span, times, per)).toEqual(byHand);
  }));
});
