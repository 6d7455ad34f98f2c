import type { Session } from '../session.js';

/** A worker that has not asked for work for so long is gone: its question lasts a minute. Milliseconds. */
const SILENT_MS = 75_000;
/** Events of a workflow's history before a worker has taken it up: started, task scheduled. */
const UNTOUCHED = 2;

/** Whether Temporal answers within two seconds. */
export async function temporalAnswers({ runtime }: Session): Promise<boolean> {
  const { connection, namespace } = runtime;
  try {
    await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.describeNamespace({ namespace }));
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether anybody takes up this workflow: false where no worker asks for work, or the ones that did lately leave it lying.
 * Undefined where Temporal does not say.
 */
export async function isTakenUp({ runtime }: Session, workflowId: string): Promise<boolean | undefined> {
  const { connection, namespace, taskQueue, client } = runtime;
  try {
    const { pollers } = await connection.withDeadline(Date.now() + 3_000, () =>
      connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType: WORKFLOW_TASKS }));
    const lately = (pollers ?? []).some(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < SILENT_MS);
    if (!lately) return false;
    const { historyLength } = await client.workflow.getHandle(workflowId).describe();
    return historyLength > UNTOUCHED;
  } catch {
    return undefined;
  }
}

/** temporal.api.enums.v1.TaskQueueType */
const WORKFLOW_TASKS = 1;
