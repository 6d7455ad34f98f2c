import { ApplicationFailure, Context } from '@temporalio/activity';
import { countRemapped } from '../src/control/index.js';
import { withDeadline } from '../src/http/index.js';
import { findRun, storeRemapping } from '../src/ledger/index.js';
import type { Dependencies } from './dependencies.js';
import type { Activities } from './types.js';

/** Counting reads the whole source beside a run that is about to end: no longer than this. Milliseconds. */
const COUNT_MS = 120_000;

/**
 * Counts what a changed configuration touches, as a full run would, and stores it with the run. A source that is too
 * slow, or fails, leaves it uncounted: that is no fault of the run, and `plan` counts it whenever somebody asks.
 * @param withinMs milliseconds it may take
 */
export function countMapping(
  { pool, config, connectors, stopping }: Pick<Dependencies, 'pool' | 'config' | 'connectors' | 'stopping'>,
  withinMs = COUNT_MS,
): Activities['countMapping'] {
  return async ({ run: id }) => {
    const run = await findRun(pool, id);
    if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${id} in the ledger`, 'UnknownRun');
    const context = Context.current();
    const timer = setInterval(() => { context.heartbeat(); }, 2_000);
    try {
      const current = config.current();
      const mapping = await withDeadline(AbortSignal.any([context.cancellationSignal, stopping]), withinMs, (signal) =>
        countRemapped({ pool, wired: connectors.wire(current, run.sync), signal, onRead: () => undefined }));
      await storeRemapping(pool, run.no, mapping);
      return { contacts: mapping.contacts };
    } catch (error) {
      // Another worker may do what this one had no time for.
      if (stopping.aborted || context.cancellationSignal.aborted) throw error;
      return { contacts: null };
    } finally {
      clearInterval(timer);
    }
  };
}
