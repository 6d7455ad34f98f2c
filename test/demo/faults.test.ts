import { expect, test } from 'vitest';
import { costOf } from '../../src/demo/faults.js';
import type { Call } from '../../src/sandbox/index.js';

const call = (at: number, over: Partial<Call> = {}): Call => ({ at, method: 'POST', route: '/contacts/bulk', rows: 10, status: 200, committed: true, endedAt: at, ...over });

test('the cost of a run is read off the calls as the platform saw them', () => {
  const cost = costOf([
    call(0),
    call(100, { status: 429, committed: false }),
    call(120, { status: 429, committed: false }),
    call(1_620),
    call(1_700, { status: null, fault: 'cut' }),
    call(1_750, { route: '/contacts', method: 'GET', rows: 0, committed: false }),
    call(3_000),
  ]);
  expect(cost).toEqual({ bulkCalls: 6, rowsStored: 40, rowsCut: 10, rateLimited: 2, cut: 1, secondsHeld: 1.5, mostInASecond: 3 });
});
