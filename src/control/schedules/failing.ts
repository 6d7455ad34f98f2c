import { WorkflowNotFoundError } from '@temporalio/client';
import type { Orchestrator } from '../start.js';
import { idsOf } from '../ids.js';
import { findSchedule } from './find.js';

/** Scheduled runs that fail one after the other before the schedule is paused. */
export const FAILURES_TO_PAUSE = 3;
const FAILED = ['FAILED', 'TERMINATED', 'TIMED_OUT'];

/**
 * Pauses a sync's Schedule when the scheduled run that is failing now is the third in a row; whoever changed or resumed
 * the Schedule since has the counting begin anew. Does nothing about a run no Schedule started.
 * @param workflowId of the run that is failing: still open, as Temporal sees it
 * @param reason in words, without secrets; it becomes part of the Schedule's note
 * @returns whether it was paused
 */
export async function pauseFailing(temporal: Orchestrator, sync: string, workflowId: string, reason: string): Promise<boolean> {
  if (!workflowId.startsWith(`${idsOf(temporal).scheduled(sync)}-`)) return false;
  const found = await findSchedule(temporal, sync);
  if (found === undefined || found.description.state.paused) return false;
  const { info } = found.description;
  const since = (info.lastUpdatedAt ?? info.createdAt).getTime();
  const starts = info.recentActions.filter(({ takenAt }) => takenAt.getTime() >= since).map(({ action }) => action.workflow.workflowId);
  const before = starts.filter((id) => id !== workflowId).slice(1 - FAILURES_TO_PAUSE);
  if (before.length < FAILURES_TO_PAUSE - 1) return false;
  for (const id of before) if (!(await hasFailed(temporal, id))) return false;
  await found.handle.pause(`paused after ${FAILURES_TO_PAUSE} failed runs in a row: ${reason} (when it is mended: syncline schedule resume ${sync})`);
  return true;
}

async function hasFailed({ client }: Orchestrator, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return FAILED.includes(status.name);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
