import { ApplicationFailure, Context } from '@temporalio/activity';
import { readOptOuts as read, wakeLane } from '../src/control/index.js';
import { DestinationError } from '../src/destinations/index.js';
import { findRun, noteTrouble } from '../src/ledger/index.js';
import type { Dependencies } from './dependencies.js';
import type { Activities } from './types.js';

/** Takes over who opted out at a run's destination, and wakes the lanes that have to tell others of it. */
export function readOptOuts({ pool, config, connectors, temporal, stopping, observer }: Dependencies): Activities['readOptOuts'] {
  return async ({ run: id }) => {
    const run = await findRun(pool, id);
    if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${id} in the ledger`, 'UnknownRun');
    const context = Context.current();
    const wired = connectors.wire(config.current(), run.sync);
    let told = 0;
    const beat = (): void => { context.heartbeat({ told }); };
    const timer = setInterval(beat, 1_500);
    try {
      const { accounts, ...report } = await read({
        pool, config: wired.destinationConfig, destination: wired.destination, ids: run, observer, signal: AbortSignal.any([context.cancellationSignal, stopping]),
        onPage: (soFar) => {
          told = soFar;
          beat();
        },
      });
      // A wake that fails is made up for by the sweep.
      await Promise.all(accounts.map((account) => wakeLane(temporal, account).catch(() => undefined)));
      if (report.asked) await noteTrouble(pool, id, null);
      return report;
    } catch (error) {
      if (!(error instanceof DestinationError)) throw error;
      const words = error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
      // Nothing is sent that somebody may have taken back meanwhile: what passes is waited for, what does not ends the run.
      if (error.kind === 'unauthenticated' || error.kind === 'misconfigured') throw ApplicationFailure.nonRetryable(words, 'OptOutsUnread');
      await noteTrouble(pool, id, words, 'destination');
      observer?.troubled({ run: id, sync: run.sync, step: 'opt-outs', reason: words });
      throw ApplicationFailure.retryable(words, 'OptOutsUnread');
    } finally {
      clearInterval(timer);
    }
  };
}
