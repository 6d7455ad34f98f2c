import { WorkflowNotFoundError, type ScheduleDescription } from '@temporalio/client';
import type { Config } from '../../config/index.js';
import { runOfWorkflow, type Pool, type ScheduledRun } from '../../ledger/index.js';
import type { Orchestrator } from '../start.js';
import { definitionOf, scheduleWords } from './definition.js';
import { foundFacts, timesWords, wantedFacts } from './facts.js';
import { findSchedule, listedSyncs } from './find.js';

/** How the Schedule of a sync stands. */
export interface ScheduleStanding {
  readonly sync: string;
  /** As Temporal has it; where it has none, as configured. */
  readonly schedule: string;
  /** `missing`: configured and not applied. */
  readonly state: 'active' | 'paused' | 'missing';
  /** Why it is paused, or what was said last. */
  readonly note: string | null;
  /** Whether Temporal has what the configuration asks for. */
  readonly upToDate: boolean;
  readonly nextRun: string | null;
  readonly lastRun: LastRun | null;
  /** Starts so far, starts left out because the run before was still open, starts missed for longer than the catch-up window. */
  readonly starts: { readonly taken: number; readonly skipped: number; readonly missed: number };
}

/** The last start. Without `run`: it found a run of the sync already reading, or never opened one. */
export interface LastRun extends Omit<ScheduledRun, 'run' | 'status'> {
  readonly run: string | null;
  readonly status: string;
  readonly workflowId: string;
}

/** Every Schedule of this installation, those configured and not applied among them, by name. */
export async function schedulesStanding(pool: Pool, temporal: Orchestrator, config: Config): Promise<readonly ScheduleStanding[]> {
  const configured = Object.values(config.syncs).filter(({ schedule }) => schedule !== undefined).map(({ name }) => name);
  const syncs = [...new Set([...configured, ...(await listedSyncs(temporal))])].sort();
  const standings = await Promise.all(syncs.map((sync) => scheduleStanding(pool, temporal, config, sync)));
  return standings.filter((standing) => standing !== undefined);
}

/** How the Schedule of one sync stands; undefined where there is none on either side. */
export async function scheduleStanding(pool: Pool, temporal: Orchestrator, config: Config, sync: string): Promise<ScheduleStanding | undefined> {
  const wanted = definitionOf(config, sync);
  const found = await findSchedule(temporal, sync);
  if (found === undefined) {
    return wanted && { sync, schedule: scheduleWords(wanted.schedule), state: 'missing', note: null, upToDate: false, nextRun: null, lastRun: null, starts: { taken: 0, skipped: 0, missed: 0 } };
  }
  const { description } = found;
  const { state: { paused, note }, info } = description;
  const is = foundFacts(description);
  return {
    sync, schedule: timesWords(description.spec), state: paused ? 'paused' : 'active', note: note === undefined || note === '' ? null : note,
    upToDate: wanted !== undefined && Object.entries(wantedFacts(temporal, wanted)).every(([what, to]) => is[what] === to),
    nextRun: nextStart(description),
    lastRun: await lastRunOf(pool, temporal, description),
    starts: { taken: info.numActionsTaken, skipped: info.numActionsSkippedOverlap, missed: info.numActionsMissedCatchupWindow },
  };
}

/** When the next run starts, as ISO 8601; null while it is paused. */
export function nextStart({ state, info }: ScheduleDescription): string | null {
  return state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null);
}

async function lastRunOf(pool: Pool, temporal: Orchestrator, { info }: ScheduleDescription): Promise<LastRun | null> {
  const last = info.recentActions.at(-1);
  if (last === undefined) return null;
  const { workflowId } = last.action.workflow;
  const run = await runOfWorkflow(pool, workflowId);
  if (run !== undefined) return { ...run, workflowId };
  return { run: null, kind: 'incremental', status: await outcomeOf(temporal, workflowId), startedAt: last.takenAt.toISOString(), endedAt: null, error: null, workflowId };
}

/** Of a start without a run in the ledger: it ended well because another run of the sync was reading. */
async function outcomeOf({ client }: Orchestrator, workflowId: string): Promise<string> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return status.name === 'COMPLETED' ? 'attached' : status.name.toLowerCase();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}
