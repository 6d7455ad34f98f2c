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
 * Makes a worker; the caller runs it, shuts it down and then closes the runtime. Memory stays bounded: at most a hundred
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
