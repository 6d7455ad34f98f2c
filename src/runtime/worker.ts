import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker, WorkerOptions } from '@temporalio/worker';
import { workflowBundle } from './bundle.js';
import type { Runtime } from './open.js';

export interface CreateWorkerOptions {
  readonly runtime: Runtime;
  /** Activity name → function. */
  readonly activities: object;
  /** Shown in histories; by default process id and host name. */
  readonly identity?: string;
  /** @default the runtime's */
  readonly taskQueue?: string;
  /** Milliseconds activities may take to end after a shutdown; above every HTTP deadline. @default 35000 */
  readonly shutdownGraceTime?: number;
  /** @default 40 */
  readonly maxConcurrentActivities?: number;
  /** The workflows; by default this project's. */
  readonly bundle?: { readonly code: string };
  /** Anything else the SDK takes. */
  readonly more?: Partial<WorkerOptions>;
}

/**
 * Makes a worker; the caller runs it ({@link runWorker}) and closes the runtime after it. Memory stays bounded: at most a hundred
 * workflows are kept in it, in one thread (each thread costs some 40 MiB, and workflows decide little).
 */
export async function createWorker(options: CreateWorkerOptions): Promise<Worker> {
  const { runtime } = options;
  const { Worker } = await import('@temporalio/worker');
  (await import('./sdk.js')).installSdk();
  const [connection, bundle] = await Promise.all([runtime.nativeConnection(), options.bundle ?? workflowBundle(runtime.encrypted)]);
  return Worker.create({
    connection,
    namespace: runtime.namespace,
    taskQueue: options.taskQueue ?? runtime.taskQueue,
    workflowBundle: bundle,
    dataConverter: runtime.dataConverter,
    activities: options.activities,
    ...(options.identity === undefined ? {} : { identity: options.identity }),
    shutdownGraceTime: options.shutdownGraceTime ?? 35_000,
    maxConcurrentActivityTaskExecutions: options.maxConcurrentActivities ?? 40,
    maxConcurrentWorkflowTaskExecutions: 20,
    maxCachedWorkflows: 100,
    workflowThreadPoolSize: 1,
    // What was meant for a worker that died goes to another after so long (ten seconds by default).
    stickyQueueScheduleToStartTimeout: '3s',
    // Heartbeats are to say that a worker lives: held back for four fifths of their time-out, as by default, they say it late.
    maxHeartbeatThrottleInterval: '2s',
    ...options.more,
  });
}

/** Milliseconds a worker with nothing under way may take to let go of its polls; it takes some tens where all is well. */
const LET_GO_MS = 5_000;
const LOOK_MS = 100;

/**
 * Runs a worker until `stopping` is aborted; settles when it has come to its end, or has had nothing under way for five
 * seconds. The SDK waits for the server to end the polls; a server can miss one (temporalio/temporal#11841), and one that
 * has gone silent ends none: each lasts a minute, and no activity or workflow would be the better for it.
 */
export async function runWorker(worker: Worker, stopping: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const running = worker.run().finally(() => { ended.abort(); });
  const leave = async (): Promise<void> => {
    if (!stopping.aborted) await once(stopping, 'abort', { signal: ended.signal });
    if (worker.getState() === 'RUNNING') worker.shutdown();
    for (let since = performance.now(); performance.now() - since < LET_GO_MS; await delay(LOOK_MS, undefined, { signal: ended.signal })) {
      const { numInFlightActivities, numInFlightWorkflowActivations } = worker.getStatus();
      if (numInFlightActivities + numInFlightWorkflowActivations > 0) since = performance.now();
    }
  };
  // Its own end cuts the waiting short: what counts then is how it ended.
  await Promise.race([running, leave().catch(() => running)]);
}
