import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimiter } from '../../src/sandbox/limiter.js';

const arrivals = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }).map((gaps) => {
  let at = 0;
  return gaps.map((gap) => (at += gap));
});
const rule = fc.record({ calls: fc.integer({ min: 1, max: 6 }), per: fc.integer({ min: 1, max: 2000 }) });

describe('limiter', () => {
  it('a sliding window never takes more than its calls in any window, and refuses only a full one', () => {
    fc.assert(
      fc.property(rule, arrivals, ({ calls, per }, times) => {
        const limiter = createLimiter({ calls, per, window: 'sliding', countRefused: false });
        const taken: number[] = [];
        for (const at of times) {
          const before = taken.filter((one) => at - one < per).length;
          const verdict = limiter(at);
          expect(verdict.allowed).toBe(before < calls);
          if (verdict.allowed) {
            taken.push(at);
            expect(verdict.remaining).toBe(calls - before - 1);
          } else {
            const oldest = taken[taken.length - calls] ?? 0;
            expect(verdict.resetMs).toBe(oldest + per - at);
          }
        }
      }),
    );
  });

  it('a call made when the refusal said so is taken', () => {
    fc.assert(
      fc.property(rule, arrivals, fc.constantFrom<('fixed' | 'sliding')[]>('fixed', 'sliding'), ({ calls, per }, times, window) => {
        const limiter = createLimiter({ calls, per, window, countRefused: false });
        let floor = 0;
        for (const at of times) {
          const now = Math.max(at, floor);
          const verdict = limiter(now);
          if (!verdict.allowed) {
            floor = now + verdict.resetMs;
            expect(limiter(floor).allowed).toBe(true);
          }
        }
      }),
    );
  });

  it('refused calls use up the window only where they count', () => {
    const counting = createLimiter({ calls: 2, per: 100, window: 'sliding', countRefused: true });
    const sparing = createLimiter({ calls: 2, per: 100, window: 'sliding', countRefused: false });
    const times = [0, 1, 50, 99, 101];
    expect(times.map((at) => counting(at).allowed)).toEqual([true, true, false, false, false]);
    expect(times.map((at) => sparing(at).allowed)).toEqual([true, true, false, false, true]);
  });

  it('a fixed window begins again at whole multiples of its length', () => {
    const limiter = createLimiter({ calls: 1, per: 100, window: 'fixed', countRefused: false });
    expect([90, 99, 100, 199, 200].map((at) => limiter(at).allowed)).toEqual([true, false, true, false, true]);
  });
});
