import { ApplicationFailure } from '@temporalio/activity';
import { backPressure, secondsLeft, sliceOf } from '../src/control/index.js';
import { findRun, pauseReading as pause, runPulse, waitingFor } from '../src/ledger/index.js';
import type { Dependencies } from './dependencies.js';
import { readOn } from './extract-run.js';
import type { Activities, SliceReport } from './types.js';

/** A slice is short, so that a pause is heard soon. Milliseconds. */
const SLICE_MS = 5_000;

/** Reads one slice of a backfill, unless it is paused or enough rows wait for the destination already. */
export function extractSlice(dependencies: Dependencies): Activities['extractSlice'] {
  const { pool, config, extractBudgetMs = SLICE_MS } = dependencies;
  return async ({ run: id }): Promise<SliceReport> => {
    const run = await findRun(pool, id);
    if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${id} in the ledger`, 'UnknownRun');
    const pressure = backPressure(config.current(), run.sync);
    const slice = sliceOf(pressure, await waitingFor(pool, run.destinationId, 2 * pressure.maxWaiting));
    const hold = !run.extracting ? null : run.options.paused === true ? 'paused' : slice.most === 0 ? 'full' : null;
    const read = hold === null
      ? await readOn(dependencies, id, { budgetMs: Math.min(extractBudgetMs, SLICE_MS), most: slice.most })
      : { done: false, cancelled: false };
    const pulse = await runPulse(pool, id);
    return {
      ...read, hold, holdMs: hold === 'full' ? slice.holdMs : 0,
      estimate: pulse?.estimate ?? null, secondsLeft: pulse === undefined ? null : secondsLeft(pulse, pressure),
    };
  };
}

/** Has a backfill read on, or not. */
export function pauseReading({ pool }: Dependencies): Activities['pauseReading'] {
  return async ({ run, paused }) => { await pause(pool, run, paused); };
}
