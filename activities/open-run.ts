import { ApplicationFailure } from '@temporalio/activity';
import { accountOf, asksOptOuts, noticeRestored, pauseFailing, registerRun, registerSync, wakeWaiting } from '../src/control/index.js';
import type { Config, SyncConfig } from '../src/config/index.js';
import { closeRun, findRun, findRunOfWorkflow, isFullDue, noteRemapping, type Pool } from '../src/ledger/index.js';
import type { Dependencies } from './dependencies.js';
import { seenRun } from './observe.js';
import type { Activities } from './types.js';
import { unknownSync } from './unknown-sync.js';

/** Finds the run a command opened, or opens one for a schedule. */
export function openRun({ pool, config, connectors, temporal, observer }: Dependencies): Activities['openRun'] {
  return async ({ sync, run: given, workflowId }) => {
    const current = config.current();
    const rules = current.syncs[sync];
    if (!rules) {
      const reason = unknownSync(sync, current);
      // Whoever follows the run is told at once, and not when a sweep finds its workflow gone.
      const open = given === null ? undefined : await findRun(pool, given);
      if (open) await closeRun(pool, open.no, 'failed', reason);
      await pauseFailing(temporal, sync, workflowId, reason).catch(() => false);
      throw ApplicationFailure.nonRetryable(reason, 'UnknownSync');
    }
    await noticeRestored(pool, temporal, current, accountOf(current, sync));
    const known = given ?? (await findRunOfWorkflow(pool, workflowId));
    const opened = known === undefined
      ? await openScheduled(pool, current, rules, workflowId)
      : { run: known, attached: false };
    if (known === undefined && 'account' in opened) await wakeWaiting(pool, temporal, opened.account);
    const run = await findRun(pool, opened.run);
    if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${opened.run} in the ledger`, 'UnknownRun');
    if (!opened.attached) observer?.runOpened(seenRun(run));
    const { destination, destinationConfig } = connectors.wire(current, sync);
    return {
      run: run.id, kind: run.options.kind, destination: rules.destination, attached: opened.attached, verify: rules.verify?.after === 'run',
      remapped: !opened.attached && (await noteRemapping(pool, run.no)),
      optOuts: asksOptOuts(destinationConfig, destination),
    };
  };
}

/** A scheduled run reads the whole source when that is due. Decided here, by the ledger: no Schedule need know of it. */
async function openScheduled(pool: Pool, config: Config, { name, full }: SyncConfig, workflowId: string): ReturnType<typeof registerRun> {
  const whole = full !== undefined && (await isFullDue(pool, (await registerSync(pool, config, name)).syncId, full.every));
  return registerRun(pool, config, name, { kind: whole ? 'full' : 'incremental' }, () => workflowId);
}
