import type { RunPulse } from '../../ledger/index.js';
import type { ProgressSnapshot } from '../output/index.js';

/** Milliseconds of the past a pace is taken over. */
const WINDOW_MS = 5_000;

/** Makes progress snapshots of pulses: the pace of late and the time that is left. */
export class Rate {
  readonly #samples: { readonly at: number; readonly done: number; readonly read: number }[] = [];

  /**
   * @param at milliseconds of any steady clock
   * @param msOf milliseconds the account's limit makes of so many rows: the time left is no shorter, and known before the pace is
   */
  snapshot(pulse: RunPulse, at: number, msOf?: (rows: number) => number): ProgressSnapshot {
    const { counts, extracting, estimate, lane } = pulse;
    const done = counts.delivered + counts.rejected;
    this.#samples.push({ at, done, read: counts.extracted });
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0] ?? { at, done, read: counts.extracted };
    const seconds = (at - first.at) / 1000;
    const sent = seconds > 0 ? (done - first.done) / seconds : 0;
    const read = seconds > 0 ? (counts.extracted - first.read) / seconds : 0;
    const total = expectedQueued(pulse);
    const left = (total ?? counts.queued) - done - counts.overtaken;
    return {
      extracted: counts.extracted, queued: counts.queued, delivered: counts.delivered, rejected: counts.rejected,
      waiting: counts.waiting, calls: pulse.calls,
      rowsPerSecond: sent > 0 || counts.waiting + counts.inFlight > 0 ? sent : read,
      laneState: lane.state, reason: lane.reason, until: lane.until, trouble: pulse.trouble === null ? null : `waiting for the ${pulse.trouble.of}: ${pulse.trouble.reason}`,
      eta: left > 0 && (sent > 0 || msOf !== undefined) && (!extracting || estimate !== null) ? Math.max(sent > 0 ? (left / sent) * 1000 : 0, msOf?.(left) ?? 0) : null,
      paused: pulse.paused === true && extracting,
      total,
    };
  }
}

/** Rows that will have been queued in the end, by what has been queued of those read so far. */
function expectedQueued({ counts, extracting, estimate }: RunPulse): number | null {
  if (!extracting) return counts.queued;
  if (estimate === null || counts.extracted === 0) return null;
  const share = counts.queued / counts.extracted;
  return Math.round(counts.queued + Math.max(0, estimate - counts.extracted) * share);
}
