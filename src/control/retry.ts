import { ulid } from 'ulid';
import type { Config, DestinationConfig, SyncConfig } from '../config/index.js';
import { createDestination } from '../destinations/index.js';
import { chooseRejections, keptKeys, openRun, retryOutlook, transaction, tryAgain, type KeptKey, type Pool, type RetryOutlook, type RetrySelection } from '../ledger/index.js';
import type { SyncInput } from '../../workflows/names.js';
import { configurationOf } from './configuration.js';
import { idsOf } from './ids.js';
import { noticeRestored } from './restored.js';
import { shownRun } from './shown.js';
import { registerSync, startRunWorkflow, type Orchestrator } from './start.js';

/** Which open rejections: by reason (a code, or part of the words) and by key; null: all. */
export type RetryAsked = Pick<RetrySelection, 'reason' | 'keys'>;

/** What a retry would find. */
export interface RetryPlan extends RetryOutlook {
  /** Of the keys asked for, those that are not sent. */
  readonly keptKeys: readonly KeptKey[];
}

/** Looks at what a retry would find; chooses and queues nothing. */
export async function planRetry(pool: Pool, config: Config, sync: string, asked: RetryAsked): Promise<RetryPlan> {
  const { syncId } = await registerSync(pool, config, sync);
  const selection = { ...asked, holds: await holds(config, sync) };
  const outlook = await retryOutlook(pool, syncId, selection);
  return { ...outlook, keptKeys: selection.keys === null ? [] : await keptKeys(pool, syncId, { ...selection, keys: selection.keys }) };
}

/**
 * Starts a run of rejected rows, with books of its own. Which rows it sends is stored with its opening, in one
 * transaction; its workflow queues them. Killed in between, a worker's sweep starts the workflow.
 */
export async function startRetry(pool: Pool, temporal: Orchestrator, config: Config, sync: string, asked: RetryAsked): Promise<{ readonly run: string; readonly chosen: number }> {
  // First: what is chosen before it is known may be sent over something newer.
  await noticeRestored(pool, temporal, config, destinationOf(config, sync).account);
  const opened = await openRetry(pool, temporal, config, sync, asked);
  await startRetryWorkflow(temporal, sync, opened.run, destinationOf(config, sync).name);
  return opened;
}

/** Opens the run of a retry and chooses its rows; starts nothing. Lifts a block of its lane, as any new run does. */
export async function openRetry(pool: Pool, temporal: Orchestrator, config: Config, sync: string, asked: RetryAsked): Promise<{ readonly run: string; readonly chosen: number }> {
  const ids = await registerSync(pool, config, sync);
  const { config: stored, mappingHash } = configurationOf(config, sync);
  const selection = { ...asked, holds: await holds(config, sync) };
  const id = ulid();
  const chosen = await transaction(pool, async (connection) => {
    await openRun(connection, { id, ids, options: { kind: 'retry' }, workflowId: idsOf(temporal).retry(sync, id), config: stored, configHash: mappingHash });
    return chooseRejections(connection, id, selection);
  });
  await tryAgain(pool, destinationOf(config, sync).account);
  return { run: id, chosen };
}

/** Starts the workflow of a retry that stands in the ledger. @param destination where it is known, so that it is found by it from the start */
export function startRetryWorkflow(temporal: Orchestrator, sync: string, run: string, destination?: string): Promise<void> {
  const input: SyncInput = { sync, run, attributes: temporal.attributes };
  return startRunWorkflow(temporal, 'retry', idsOf(temporal).retry(sync, run), input, shownRun('a retry of rejected rows', { sync, run, kind: 'retry', destination }));
}

const destinationOf = (config: Config, sync: string): DestinationConfig => config.destinations[(config.syncs[sync] as SyncConfig).destination] as DestinationConfig;

/** Whether contacts with a changed identity stay aside at a sync's destination. Connects nowhere. */
async function holds(config: Config, sync: string): Promise<boolean> {
  const destination = createDestination(destinationOf(config, sync));
  try {
    return destination.capabilities.identityChange === 'hold';
  } finally {
    await destination.close();
  }
}
