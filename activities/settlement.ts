import { ApplicationFailure } from '@temporalio/activity';
import { pauseFailing } from '../src/control/index.js';
import { closeRun as close, findRun, settlementOf, stopReading as stop, type Settlement } from '../src/ledger/index.js';
import type { Dependencies } from './dependencies.js';
import { tellEnded } from './observe.js';
import type { Activities, SettlementReport } from './types.js';

/** What a platform said can hold more than counts: it stays out of histories. */
const report = ({ batches, ...rest }: Settlement): SettlementReport => ({
  ...rest,
  batches: batches.map(({ message: _, ...batch }) => batch),
});

const unknownRun = (id: string): ApplicationFailure => ApplicationFailure.nonRetryable(`there is no run ${id} in the ledger`, 'UnknownRun');

/** How a run stands; closes it when asked and nothing is left to do. */
export function settlement({ pool, observer }: Dependencies): Activities['settlement'] {
  return async ({ run: id, close: closes }) => {
    // A ledger that was restored does not know the runs of the time that is lost: asked again it never will.
    if ((await findRun(pool, id)) === undefined) throw unknownRun(id);
    const now = await settlementOf(pool, id, closes);
    if (closes && now.done) await tellEnded(pool, observer, [id]);
    return report(now);
  };
}

/** Closes a run whatever is left of it: what is queued stays queued. */
export function closeRun({ pool, temporal, observer }: Dependencies): Activities['closeRun'] {
  return async ({ run: id, status, error }) => {
    const run = await findRun(pool, id);
    if (run === undefined) throw unknownRun(id);
    await close(pool, run.no, status, error);
    await tellEnded(pool, observer, [id]);
    // A Schedule that cannot be asked just now is paused at the next failure.
    if (status === 'failed') await pauseFailing(temporal, run.sync, run.workflowId, error ?? 'no reason was given').catch(() => false);
    return { ...report(await settlementOf(pool, id, false)), status };
  };
}

/** Stops reading; what is staged is still delivered. */
export function stopReading({ pool }: Dependencies): Activities['stopReading'] {
  return async ({ run }) => stop(pool, run);
}
