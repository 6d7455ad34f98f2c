import { isGrpcServiceError, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ulid } from 'ulid';
import type { Config, DestinationConfig, SyncConfig } from '../config/index.js';
import { accountsWithWork, ensureSync, openRun, tryAgain, type Pool, type RunOptions, type SyncIds } from '../ledger/index.js';
import type { Runtime } from '../runtime/index.js';
import type { LaneInput, SyncInput } from '../../workflows/names.js';
import { configurationOf } from './configuration.js';
import { idsOf } from './ids.js';
import { noticeRestored, rememberedBy } from './restored.js';
import { shownBy, shownLane, shownRun, type Shown } from './shown.js';

/** A step of a workflow takes milliseconds; one that a worker took along when it died is given to another after this. Milliseconds. */
export const TASK_TIMEOUT_MS = 5_000;

/** Where workflows are started. */
export interface Orchestrator {
  readonly client: Client;
  readonly taskQueue: string;
  /** The cluster has our search attributes. */
  readonly attributes: boolean;
  /** What every id begins with, where installations share the namespace. */
  readonly prefix?: string | undefined;
}

/** Temporal as a runtime has it. */
export const orchestratorOf = ({ client, taskQueue, searchAttributes, prefix }: Pick<Runtime, 'client' | 'taskQueue' | 'searchAttributes' | 'prefix'>): Orchestrator =>
  ({ client, taskQueue, attributes: searchAttributes, prefix });

/** Makes a sync of the configuration known to the ledger. */
export function registerSync(pool: Pool, config: Config, name: string): Promise<SyncIds> {
  const sync = config.syncs[name] as SyncConfig;
  const destination = config.destinations[sync.destination] as DestinationConfig;
  return ensureSync(pool, {
    sync: name, source: sync.source, destination: sync.destination, account: destination.account,
    configHash: configurationOf(config, name).destinationHash, configured: Object.keys(config.syncs),
  });
}

/** Opens a run in the ledger, or finds the one that already extracts. Lifts a block of its lane: a new run tries again. */
export async function registerRun(
  pool: Pool,
  config: Config,
  name: string,
  options: RunOptions,
  workflowIdOf: (run: string) => string,
  id = ulid(),
): Promise<{ readonly run: string; readonly attached: boolean; readonly lifted: boolean; readonly ids: SyncIds; readonly account: string }> {
  const ids = await registerSync(pool, config, name);
  const { config: stored, mappingHash } = configurationOf(config, name);
  const opened = await openRun(pool, { id, ids, options, workflowId: workflowIdOf(id), config: stored, configHash: mappingHash });
  const account = accountOf(config, name);
  const lifted = !opened.attached && (await tryAgain(pool, account));
  return { run: opened.id, attached: opened.attached, lifted, ids, account };
}

/** The account a sync of the configuration sends to. */
export const accountOf = (config: Config, sync: string): string =>
  (config.destinations[(config.syncs[sync] as SyncConfig).destination] as DestinationConfig).account;

export interface StartedRun {
  readonly run: string;
  /** One that already reads was found. */
  readonly attached: boolean;
  /** Its lane was blocked, or waited for a quota, until it began: what waits there is tried again. */
  readonly lifted: boolean;
}

/** Starts a run of a sync now; where one already extracts, that one is named instead. */
export async function startRun(pool: Pool, temporal: Orchestrator, config: Config, name: string, options: RunOptions): Promise<StartedRun> {
  // First: a run that begins before it is known reads too little.
  await noticeRestored(pool, temporal, config, accountOf(config, name));
  const opened = await registerRun(pool, config, name, options, (run) => idsOf(temporal).sync(name, run));
  if (!opened.attached) {
    await startSyncWorkflow(temporal, config, name, opened.run, options);
    await wakeWaiting(pool, temporal, opened.account);
  }
  return { run: opened.run, attached: opened.attached, lifted: opened.lifted };
}

/** Starts the workflow of a run that stands in the ledger. */
async function startSyncWorkflow(temporal: Orchestrator, config: Config, sync: string, run: string, { kind }: RunOptions): Promise<void> {
  const input: SyncInput = { sync, run, attributes: temporal.attributes };
  await startRunWorkflow(temporal, 'sync', idsOf(temporal).sync(sync, run), input, shownRun(`a run (${kind})`, { sync, run, kind, destination: config.syncs[sync]?.destination }));
}

/** Starts a run's workflow of some type; one that is started already stays as it is. */
export async function startRunWorkflow(temporal: Orchestrator, type: 'sync' | 'backfill' | 'retry', workflowId: string, input: SyncInput, shown: Shown): Promise<void> {
  try {
    await temporal.client.workflow.start(type, { workflowId, taskQueue: temporal.taskQueue, args: [input], workflowTaskTimeout: TASK_TIMEOUT_MS, ...shownBy(temporal, shown) });
  } catch (error) {
    // Started by an earlier, interrupted try.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Wakes an account's lane, starting it where it does not run. Carries no data: the lane asks the ledger. */
export function wakeLane(temporal: Orchestrator, account: string): Promise<void> {
  return signalLane(temporal, account, 'wake');
}

/** Wakes the lane of rows that wait for an earlier run: a new one lifts a block, also where it finds nothing to stage. */
export async function wakeWaiting(pool: Pool, temporal: Orchestrator, account: string): Promise<void> {
  if ((await accountsWithWork(pool)).includes(account)) await wakeLane(temporal, account);
}

/** Wakes a lane and has it wait no longer for a delivery whose worker is gone. The lease keeps a living one safe. */
export async function takeOverLane(temporal: Orchestrator, account: string): Promise<void> {
  await unstick(temporal, idsOf(temporal).lane(account));
  await signalLane(temporal, account, 'takeOver');
}

/** Lets any worker go on with a workflow, where Temporal would first wait for the one that has it in memory. */
export async function unstick({ client }: Orchestrator, workflowId: string): Promise<void> {
  try {
    await client.workflowService.resetStickyTaskQueue({ namespace: client.options.namespace, execution: { workflowId } });
  } catch (error) {
    // It has ended, or never began; anything else only costs the wait.
    if (!isGrpcServiceError(error)) throw error;
  }
}

async function signalLane(temporal: Orchestrator, account: string, signal: 'wake' | 'takeOver'): Promise<void> {
  // One that runs knows it; one that starts is told what the one before it knew.
  const seen = await rememberedBy(temporal, account);
  const input: LaneInput = { account, attributes: temporal.attributes, ...(seen && { seen }) };
  await temporal.client.workflow.signalWithStart('lane', {
    workflowId: idsOf(temporal).lane(account), taskQueue: temporal.taskQueue, args: [input], signal, signalArgs: [], workflowTaskTimeout: TASK_TIMEOUT_MS,
    ...shownBy(temporal, shownLane(account)),
  });
}

/** Asks a running sync to stop reading. @returns false when its workflow is gone */
export const cancelRun = (temporal: Orchestrator, workflowId: string): Promise<boolean> => steerRun(temporal, workflowId, 'cancel');

/** Tells a run's workflow what somebody wants of it; only backfills can be paused. @returns false when it is gone */
export async function steerRun(temporal: Orchestrator, workflowId: string, signal: 'pause' | 'resume' | 'cancel'): Promise<boolean> {
  try {
    await temporal.client.workflow.getHandle(workflowId).signal(signal);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
