import type { RunDocument, RunPulse } from '../../ledger/index.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';

/** The exit code of a run that has come to its end. A failed verification outranks rejected rows. */
export function exitOfRun({ status, verification }: Pick<RunDocument, 'status' | 'verification'>): ExitCode {
  if (status === 'failed' || status === 'cancelled') return EXIT.failed;
  if (verification?.verdict === 'fail') return EXIT.unverified;
  return status === 'completed_with_rejects' ? EXIT.rejects : EXIT.done;
}

/**
 * Whether the lane holds rows of the run back until a person does something or a quota is renewed. A pause whose
 * time is over is none: the lane has not looked yet.
 * @param now milliseconds since 1970
 */
export function isHalted({ counts, lane }: Pick<RunPulse, 'counts' | 'lane'>, now: number): boolean {
  if (counts.waiting === 0) return false;
  if (lane.state === 'blocked') return true;
  if (lane.state !== 'paused') return false;
  return lane.until === null ? lane.reason !== null : Date.parse(lane.until) > now;
}
