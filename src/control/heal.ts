import { WorkflowNotFoundError } from '@temporalio/client';
import { accountsWithWork, closeDelivering, closeRun, openRuns, type Pool, type RunRow } from '../ledger/index.js';
import { wakeLane, type Orchestrator } from './start.js';

/** A run whose start is still under way is left alone for so long. Milliseconds. */
const STARTING_MS = 20_000;

export interface Healed {
  /** Runs marked failed because their workflow is gone. */
  readonly runs: readonly string[];
  /** Accounts whose lane was woken. */
  readonly lanes: readonly string[];
}

/**
 * Makes Temporal follow the ledger again: an open run whose workflow is gone is marked failed (its rows stay
 * queued, the cursor stands), and every lane with open rows is woken. Safe to call at any time, by anybody.
 */
export async function heal(pool: Pool, temporal: Orchestrator): Promise<Healed> {
  const runs: string[] = [];
  for (const run of await openRuns(pool)) {
    if (run.status === 'delivering' || run.ageMs < STARTING_MS || (await isAlive(temporal, run))) continue;
    await closeRun(pool, run.no, 'failed', 'its workflow ended or is gone; what it had staged stays queued, and the next run reads on from the cursor');
    runs.push(run.id);
  }
  await closeDelivering(pool);
  const lanes = await accountsWithWork(pool);
  for (const account of lanes) await wakeLane(temporal, account);
  return { runs, lanes };
}

async function isAlive(temporal: Orchestrator, run: RunRow): Promise<boolean> {
  try {
    const description = await temporal.client.workflow.getHandle(run.workflowId).describe();
    return description.status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
