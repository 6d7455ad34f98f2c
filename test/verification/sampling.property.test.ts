import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atMostDiffering, drawRanks, sampleSize, scaled } from '../../src/verification/sampling.js';

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let ways = 1n;
  for (let i = 1; i <= k; i += 1) ways = (ways * BigInt(n - k + i)) / BigInt(i);
  return ways;
}

/** Whether P(at most `seen` of the `differing` are in the sample) is at most 1 − confidence, in whole numbers; confidence in ten-thousandths. */
function rarely(population: number, differing: number, sample: number, seen: number, confidence: number): boolean {
  let ways = 0n;
  for (let x = 0; x <= seen; x += 1) ways += choose(differing, x) * choose(population - differing, sample - x);
  return ways * 10_000n <= choose(population, sample) * BigInt(10_000 - confidence);
}

const confidence = fc.integer({ min: 5_000, max: 9_999 });

test('a sample is the smallest that would hold one of the differing contacts with the confidence asked', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 80 }), confidence, fc.integer({ min: 1, max: 99 }), (population, sure, percent) => {
    const differing = Math.max(1, Math.ceil((population * percent) / 100));
    const size = sampleSize(population, sure / 10_000, percent / 100);
    expect(size).toBeLessThanOrEqual(population);
    expect(rarely(population, differing, size, 0, sure)).toBe(true);
    expect(rarely(population, differing, size - 1, 0, sure)).toBe(false);
  }), { numRuns: 500 });
});

test('for many contacts a sample comes to ln(1 − c) / ln(1 − e), and never to more', () => {
  fc.assert(fc.property(fc.integer({ min: 1_000, max: 5_000_000 }), confidence, fc.double({ min: 0.001, max: 0.5, noNaN: true }), (population, sure, share) => {
    expect(sampleSize(population, sure / 10_000, share)).toBeLessThanOrEqual(Math.ceil(Math.log(1 - sure / 10_000) / Math.log(1 - share) + 1e-6));
  }));
  expect(sampleSize(100_000_000, 0.99, 0.01)).toBe(459);
  expect(sampleSize(19_972, 0.99, 0.01)).toBe(453);
  expect(sampleSize(0, 0.99, 0.01)).toBe(0);
});

test('at most so many differ: the greatest number that the sample does not speak against', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 60 }).chain((population) =>
    fc.record({ population: fc.constant(population), sample: fc.integer({ min: 0, max: population }), luck: fc.double({ min: 0, max: 1, noNaN: true }) })), confidence,
  ({ population, sample, luck }, sure) => {
    const seen = Math.floor(luck * sample);
    const most = atMostDiffering(population, sample, seen, sure / 10_000);
    expect(most).toBeGreaterThanOrEqual(seen);
    expect(most).toBeLessThanOrEqual(population - (sample - seen));
    if (most > seen) expect(rarely(population, most, sample, seen, sure)).toBe(false);
    if (most < population - (sample - seen)) expect(rarely(population, most + 1, sample, seen, sure)).toBe(true);
  }), { numRuns: 500 });
});

test('a sample without a difference shows that less than the share asked differs, and a whole one that none does', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2_000_000 }), confidence, fc.double({ min: 0.001, max: 0.9, noNaN: true }), (population, sure, share) => {
    const most = atMostDiffering(population, sampleSize(population, sure / 10_000, share), 0, sure / 10_000);
    expect(most).toBeLessThan(Math.max(1, Math.ceil(population * share - 1e-9)));
    expect(atMostDiffering(population, population, 0, sure / 10_000)).toBe(0);
  }));
  expect(atMostDiffering(20_000, 0, 0, 0.95)).toBe(20_000);
  expect(atMostDiffering(0, 0, 0, 0.95)).toBe(0);
});

test('what was seen is scaled up to the whole, never below what was seen and never above all', () => {
  fc.assert(fc.property(fc.nat(1_000_000), fc.nat(5_000), fc.nat(5_000), (more, sample, count) => {
    const population = sample + more;
    const seen = Math.min(count, sample);
    const whole = scaled(seen, population, sample);
    expect(whole).toBeGreaterThanOrEqual(seen);
    expect(whole).toBeLessThanOrEqual(population);
    if (seen === 0 || sample === population) expect(whole).toBe(seen);
  }));
});

test('every set of contacts has the same chance to be drawn', () => {
  // All the dice there are: one throw each of 3, 4 and 5 sides draws 3 of 5.
  const drawn = new Map<string, number>();
  for (let a = 0; a < 3; a += 1) for (let b = 0; b < 4; b += 1) for (let c = 0; c < 5; c += 1) {
    const throws = [a / 3, b / 4, c / 5];
    const set = [...drawRanks(5, 3, () => throws.shift()! + 1e-9)].sort().join();
    drawn.set(set, (drawn.get(set) ?? 0) + 1);
  }
  expect(drawn.size).toBe(10);
  expect(new Set(drawn.values())).toEqual(new Set([6]));
});
