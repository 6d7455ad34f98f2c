import type { BackfillCost } from '../../control/index.js';
import { formatNumber } from '../output/index.js';

/** What a backfill costs, in a line. */
export function costOfBackfill({ rows, calls, seconds }: BackfillCost): string {
  if (rows === null || calls === null || seconds === null) return 'the source cannot tell how many contacts that is; what is unchanged costs no call';
  const time = seconds < 120 ? `${formatNumber(Math.ceil(seconds))} ${Math.ceil(seconds) === 1 ? 'second' : 'seconds'}` : `${formatNumber(Math.ceil(seconds / 60))} minutes`;
  return `about ${formatNumber(rows)} contacts: up to ${formatNumber(calls)} ${calls === 1 ? 'call' : 'calls'}, ${time} at the account's limit; what is unchanged costs no call`;
}
