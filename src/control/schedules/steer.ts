import { ScheduleOverlapPolicy } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FoundSchedule } from './find.js';

/** Milliseconds a triggered run may take to show among the starts, and between two looks. */
const TRIGGER_MS = 5_000;
const LOOK_MS = 100;

/** Halts a Schedule; runs under way go on. */
export async function pauseSchedule({ handle }: FoundSchedule, note: string): Promise<void> {
  await handle.pause(note);
}

/** Lets a Schedule go on. As a change of it, not as Temporal's unpause: failures before do not count from now on. */
export async function resumeSchedule({ handle }: FoundSchedule, note: string): Promise<void> {
  await handle.update(({ spec, action, policies, state: { remainingActions } }) => ({
    spec, action, policies, state: { paused: false, note, ...(remainingActions === undefined ? {} : { remainingActions }) },
  }));
}

/**
 * Starts a scheduled run now, unless one is still open.
 * @returns the id of its workflow; null: one is open already
 */
export async function triggerSchedule({ handle }: FoundSchedule): Promise<string | null> {
  const { info: before } = await handle.describe();
  await handle.trigger(ScheduleOverlapPolicy.SKIP);
  for (const until = Date.now() + TRIGGER_MS; Date.now() < until; await sleep(LOOK_MS)) {
    const { info } = await handle.describe();
    if (info.numActionsTaken > before.numActionsTaken) return info.recentActions.at(-1)?.action.workflow.workflowId ?? null;
    if (info.numActionsSkippedOverlap > before.numActionsSkippedOverlap) return null;
  }
  return null;
}
