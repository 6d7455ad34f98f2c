import { ApplicationFailure, Context } from '@temporalio/activity';
import { wakeLane } from '../src/control/index.js';
import { findRun, queueRejections } from '../src/ledger/index.js';
import type { Dependencies } from './dependencies.js';
import type { Activities } from './types.js';

/** Queues the rejected rows a retry has chosen, once however often it is tried, and wakes the lane. */
export function queueRejected({ pool, config, connectors, temporal }: Dependencies): Activities['queueRejected'] {
  return async ({ run: id }) => {
    const run = await findRun(pool, id);
    if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${id} in the ledger`, 'UnknownRun');
    const context = Context.current();
    // One statement, which can take longer than a worker may be silent.
    const timer = setInterval(() => { context.heartbeat(); }, 1_500);
    try {
      const { destination } = connectors.wire(config.current(), run.sync);
      const queued = await queueRejections(pool, run.no, destination.capabilities.identityChange === 'hold');
      // Also where an earlier try queued them. A wake that fails is made up for by the sweep.
      await wakeLane(temporal, run.account).catch(() => undefined);
      return { queued };
    } finally {
      clearInterval(timer);
    }
  };
}
