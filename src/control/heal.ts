import { WorkflowNotFoundError } from '@temporalio/client';
import { accountsWithWork, closeRun, heldLeases, openRuns, releaseLease, type Pool, type RunRow } from '../ledger/index.js';
import { closeDelivered } from './delivering.js';
import { isDeadHere } from './owner.js';
import { startRetryWorkflow } from './retry.js';
import { takeOverLane, unstick, wakeLane, type Orchestrator } from './start.js';

/** A run whose start is still under way is left alone for so long. Milliseconds. */
const STARTING_MS = 20_000;

export interface Healed {
  /** Runs marked failed because their workflow is gone. */
  readonly runs: readonly string[];
  /** Runs that were left delivering and are delivered now. */
  readonly closed: readonly string[];
  /** Accounts whose lane was woken. */
  readonly lanes: readonly string[];
}

/**
 * Makes Temporal follow the ledger again: an open run whose workflow is gone is marked failed (its rows stay
 * queued, the cursor stands), a retry whose workflow never began is begun, and every lane with open rows is woken. Safe to call at any time, by anybody.
 *
 * With `starting`, as a worker does once, nobody waits for a time-out to learn of a worker that died: a lane that no
 * living worker drives is taken over, and every open run looks at its books, in case the news of its last row was lost.
 */
export async function heal(pool: Pool, temporal: Orchestrator, starting = false): Promise<Healed> {
  const driven = await dropDeadLeases(pool);
  const runs: string[] = [];
  for (const run of await openRuns(pool)) {
    if (starting) await look(temporal, run);
    if (run.status === 'delivering' || run.ageMs < STARTING_MS) continue;
    const standing = await standingOf(temporal, run);
    if (standing === 'running') continue;
    // Whoever asked for it was killed before it began, or Temporal lost its state: all it takes stands in the ledger.
    if (standing === 'absent' && run.options.kind === 'retry') {
      await startRetryWorkflow(temporal, run.sync, run.id);
      continue;
    }
    await closeRun(pool, run.no, 'failed', 'its workflow ended or is gone; what it had staged stays queued, and the next run reads on from the cursor');
    runs.push(run.id);
  }
  const closed = await closeDelivered(pool, temporal);
  const lanes = await accountsWithWork(pool);
  for (const account of lanes) await (starting && !driven.has(account) ? takeOverLane : wakeLane)(temporal, account);
  return { runs, closed, lanes };
}

/** Frees the leases of workers of this machine that are gone. @returns the accounts whose lease a worker still holds */
async function dropDeadLeases(pool: Pool): Promise<ReadonlySet<string>> {
  const driven = new Set<string>();
  for (const { account, owner, lease } of await heldLeases(pool)) {
    if (isDeadHere(owner)) await releaseLease(pool, lease);
    else driven.add(account);
  }
  return driven;
}

/** Has a run look at its books. One whose workflow is gone is seen to by the sweep. */
async function look(temporal: Orchestrator, { workflowId }: RunRow): Promise<void> {
  try {
    await unstick(temporal, workflowId);
    await temporal.client.workflow.getHandle(workflowId).signal('settled');
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

async function standingOf(temporal: Orchestrator, run: RunRow): Promise<'running' | 'ended' | 'absent'> {
  try {
    const description = await temporal.client.workflow.getHandle(run.workflowId).describe();
    return description.status.name === 'RUNNING' ? 'running' : 'ended';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'absent';
    throw error;
  }
}
