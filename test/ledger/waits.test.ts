import { afterAll, beforeAll, expect, test } from 'vitest';
import { blockLane, laneWaits, setPaused, showLane, tryAgain } from '../../src/ledger/index.js';
import { createTestLedger, takeLease, type TestLedger } from './support.js';

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(() => ledger.close());

test('every wait of an account is noted with its cause, begins where the one before ended, and ends when calls are made again', async () => {
  const { pool, a } = ledger;
  const lease = await takeLease(pool, a.accountId);
  await showLane(pool, a.accountId, { state: 'sending' });
  await showLane(pool, a.accountId, { state: 'waiting', reason: 'newsletter allows one call in 60 s', untilMs: 42_000 });
  // The same wait, seen again: only its end moves.
  await showLane(pool, a.accountId, { state: 'waiting', reason: 'newsletter allows one call in 60 s', untilMs: 30_000 });
  await showLane(pool, a.accountId, { state: 'sending' });
  await showLane(pool, a.accountId, { state: 'backing_off', reason: '503', untilMs: 1_000 });
  await blockLane(pool, lease, 'the key is refused', 'mend it');
  await setPaused(pool, 'acme', true);
  await setPaused(pool, 'acme', false);
  await tryAgain(pool, 'acme');
  await setPaused(pool, 'acme', true);
  const waits = await laneWaits(pool, a.accountId, { from: '2000-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' });
  expect(waits.map(({ cause, reason }) => [cause, reason])).toEqual([
    ['pace', 'newsletter allows one call in 60 s'], ['backing_off', '503'], ['blocked', 'the key is refused'],
    ['paused', 'paused by hand'], ['paused', 'paused by hand'],
  ]);
  expect(waits.map(({ to }) => to === null)).toEqual([false, false, false, false, true]);
  expect(waits[2]!.from >= waits[1]!.to!).toBe(true);
  expect(await laneWaits(pool, a.accountId, { from: '2000-01-01T00:00:00Z', to: '2001-01-01T00:00:00Z' })).toEqual([]);
});
