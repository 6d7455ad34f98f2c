import { Context } from '@temporalio/activity';
import { findRun, settlementOf, type Pool, type RunRow } from '../src/ledger/index.js';
import type { Observer, SeenActivity, SeenRun } from '../src/telemetry/index.js';

/** The execution the current activity belongs to. */
export function seenActivity(): SeenActivity {
  const { workflowExecution, activityId, activityType, attempt } = Context.current().info;
  return { workflowId: workflowExecution?.workflowId ?? '', workflowRunId: workflowExecution?.runId ?? '', activityId, activityType, attempt };
}

export function seenRun({ id, sync, options, workflowId, ageMs }: RunRow): SeenRun {
  return { run: id, sync, kind: options.kind, workflowId, startedAt: new Date(Date.now() - ageMs).toISOString() };
}

/** Tells that runs have ended, or were left delivering. That it cannot look at one is no reason to fail. */
export async function tellEnded(pool: Pool, observer: Observer | undefined, runs: readonly string[]): Promise<void> {
  if (observer === undefined) return;
  for (const id of runs) {
    try {
      const [run, { status, counts }] = [await findRun(pool, id), await settlementOf(pool, id, false)];
      if (run !== undefined) observer.runEnded({ ...seenRun(run), status, counts, endedAt: status === 'delivering' ? null : new Date().toISOString() });
    } catch {
      // The next look at the ledger tells.
    }
  }
}
