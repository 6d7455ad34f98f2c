import { ApplicationFailure } from '@temporalio/activity';
import { asksOptOuts, registerRun, wakeWaiting } from '../src/control/index.js';
import { findRun, findRunOfWorkflow, noteRemapping } from '../src/ledger/index.js';
import type { Dependencies } from './dependencies.js';
import type { Activities } from './types.js';

/** Finds the run a command opened, or opens one for a schedule. */
export function openRun({ pool, config, connectors, temporal }: Dependencies): Activities['openRun'] {
  return async ({ sync, run: given, workflowId }) => {
    const current = config.current();
    const rules = current.syncs[sync];
    if (!rules) throw ApplicationFailure.nonRetryable(`there is no sync ${sync} in the worker's configuration`, 'UnknownSync');
    const known = given ?? (await findRunOfWorkflow(pool, workflowId));
    const opened = known === undefined
      ? await registerRun(pool, current, sync, { kind: 'incremental' }, () => workflowId)
      : { run: known, attached: false };
    if (known === undefined && 'account' in opened) await wakeWaiting(pool, temporal, opened.account);
    const run = await findRun(pool, opened.run);
    if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${opened.run} in the ledger`, 'UnknownRun');
    const { destination, destinationConfig } = connectors.wire(current, sync);
    return {
      run: run.id, kind: run.options.kind, destination: rules.destination, attached: opened.attached, verify: rules.verify?.after === 'run',
      remapped: !opened.attached && (await noteRemapping(pool, run.no)),
      optOuts: asksOptOuts(destinationConfig, destination),
    };
  };
}
