import { WorkflowExecutionAlreadyStartedError, WorkflowIdReusePolicy } from '@temporalio/client';
import type { VerifyInput } from '../../workflows/names.js';
import { closeDelivering, type Delivered, type Pool } from '../ledger/index.js';
import { idsOf } from './ids.js';
import { shownBy, shownVerification } from './shown.js';
import { TASK_TIMEOUT_MS, type Orchestrator } from './start.js';

/**
 * Closes the runs that were left delivering and whose last row is settled now, and starts the verification of those
 * whose sync verifies after a run. Safe to call at any time, by anybody.
 * @returns their ids
 */
export function closeDelivered(pool: Pool, temporal: Orchestrator): Promise<readonly string[]> {
  return closeDelivering(pool, async (run) => {
    if (run.verifies) await startVerification(temporal, run);
  });
}

async function startVerification(temporal: Orchestrator, { id, sync, destination }: Delivered): Promise<void> {
  const input: VerifyInput = { sync, id, run: id, against: 'source', attributes: temporal.attributes };
  try {
    await temporal.client.workflow.start('verify', {
      workflowId: idsOf(temporal).verify(sync, id), taskQueue: temporal.taskQueue, args: [input], workflowTaskTimeout: TASK_TIMEOUT_MS,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE, ...shownBy(temporal, shownVerification('the verification after a run', { sync, destination })),
    });
  } catch (error) {
    // Somebody else saw the same run end, or closing it was interrupted.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
