import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, MailingCoreControl, MailingCoreFaults } from '../sandbox/index.js';
import { CALLS_A_SECOND } from './config-file.js';
import type { Spoilt } from './plan.js';

/** Calls of the burst that are answered with 429. */
export const BURST = 5;
/** Full calls the platform has taken when the burst comes, and when the connection is cut. */
const BURST_AFTER = 5;
const CUT_AFTER = 10;
const LOOK_MS = 5;

/** The platform as the demo wants it: its limit enforced, answers 30 ms late, some rows refused. */
export function platformFaults({ byRow, byCall }: Spoilt): MailingCoreFaults {
  return {
    limit: { calls: CALLS_A_SECOND, per: '1s', window: 'sliding' },
    latency: 30,
    badRows: [
      { externalIds: [...byRow], mode: 'row', message: 'mailbox does not exist' },
      { externalIds: [...byCall], mode: 'request', message: 'contacts must not contain blocked domains' },
    ],
  };
}

/** Makes trouble in the middle of a run: a burst of 429s, then a connection cut after its call was stored. */
export async function makeTrouble(platform: MailingCoreControl, usual: MailingCoreFaults, signal: AbortSignal): Promise<void> {
  const taken = (): number => platform.stats().log.filter((call) => call.committed).length;
  const until = async (count: number): Promise<void> => {
    while (taken() < count) await sleep(LOOK_MS, undefined, { signal });
  };
  await until(BURST_AFTER);
  platform.setFaults({ ...usual, burst429: BURST });
  await until(CUT_AFTER);
  platform.setFaults({ ...usual, cutNext: 1 });
}

/** What the faults of one run came to, as the platform saw it. */
export interface Cost {
  /** Bulk calls that arrived. */
  readonly bulkCalls: number;
  /** Rows in the calls that were stored. */
  readonly rowsStored: number;
  /** Rows that were stored twice because nobody could know of the first time. */
  readonly rowsCut: number;
  readonly rateLimited: number;
  readonly cut: number;
  /** Seconds in which no call was made after a 429. */
  readonly secondsHeld: number;
  /** Most calls of any kind in a sliding second. */
  readonly mostInASecond: number;
}

/** Reads a run's cost off the platform's log. */
export function costOf(log: readonly Call[]): Cost {
  const bulk = log.filter((call) => call.route.endsWith('/bulk'));
  const held = bulk.reduce((sum, call, i) => (call.status === 429 ? sum + ((bulk[i + 1]?.at ?? call.at) - call.at) : sum), 0);
  const cut = bulk.filter((call) => call.fault === 'cut');
  return {
    bulkCalls: bulk.length,
    rowsStored: sum(bulk.filter((call) => call.committed)),
    rowsCut: sum(cut),
    rateLimited: bulk.filter((call) => call.status === 429).length,
    cut: cut.length,
    secondsHeld: Math.round(held / 100) / 10,
    mostInASecond: mostWithin(log, 1000),
  };
}

const sum = (calls: readonly Call[]): number => calls.reduce((rows, call) => rows + call.rows, 0);

/** Most calls in any sliding window of so many milliseconds. */
export function mostWithin(log: readonly Call[], windowMs: number): number {
  let most = 0;
  let start = 0;
  log.forEach((call, end) => {
    while (call.at - (log[start]?.at ?? 0) >= windowMs) start += 1;
    most = Math.max(most, end - start + 1);
  });
  return most;
}
