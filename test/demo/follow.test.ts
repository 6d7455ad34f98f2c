import { expect, test } from 'vitest';
import { together } from '../../src/demo/follow.js';
import type { Counts, RunPulse } from '../../src/ledger/index.js';

const pulse = (delivered: number, over: Partial<RunPulse> = {}): RunPulse => ({
  status: 'running', ended: false, extracting: false, calls: 2, estimate: 10, trouble: null,
  counts: { extracted: 9, delivered } as Counts,
  lane: { account: 'a', state: 'sending', reason: null, hint: null, until: null }, ...over,
});

test('runs that go on at once are shown as one: sums, and the lane of one that is not done', () => {
  const waiting = { account: 'b', state: 'waiting', reason: 'one call in 1 s', hint: null, until: null } as const;
  const all = together([pulse(1, { ended: true }), pulse(2, { extracting: true, lane: waiting }), pulse(3, { estimate: null })]);
  expect(all).toMatchObject({ ended: false, extracting: true, calls: 6, estimate: null, counts: { extracted: 27, delivered: 6 }, lane: waiting });
  expect(together([pulse(1), pulse(2)]).estimate).toBe(20);
});
