import { ScheduleNotFoundError, type ScheduleDescription, type ScheduleHandle } from '@temporalio/client';
import type { Orchestrator } from '../start.js';
import { decodeMapFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { idsOf } from '../ids.js';

const PAGE = 100;

/** A Schedule of a sync as Temporal has it. */
export interface FoundSchedule {
  readonly sync: string;
  readonly handle: ScheduleHandle;
  readonly description: ScheduleDescription;
}

/** Another installation of this namespace has a Schedule of this name. */
export class ForeignSchedule extends Error {
  override readonly name = 'ForeignSchedule';
  readonly hint: string;
  constructor(id: string, taskQueue: string) {
    super(`the Schedule ${id} belongs to another installation (task queue "${taskQueue}")`);
    this.hint = `give this installation a prefix (temporal.prefix) or a namespace of its own, or the sync another name; if the other one is gone: temporal schedule delete --schedule-id ${id}`;
  }
}

/**
 * The Schedule of a sync, or undefined.
 * @throws ForeignSchedule where another installation has it
 */
export async function findSchedule(temporal: Orchestrator, sync: string): Promise<FoundSchedule | undefined> {
  const id = idsOf(temporal).schedule(sync);
  const handle = temporal.client.schedule.getHandle(id);
  try {
    const description = await handle.describe();
    const owner = ownerOf(description.memo);
    if (owner !== temporal.taskQueue) throw new ForeignSchedule(id, owner);
    return { sync, handle, description };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** Whose Schedule it is: the task queue is the installation. One that somebody made by hand is nobody's. */
function ownerOf(memo: Readonly<Record<string, unknown>> | undefined): string {
  const owner = memo?.['taskQueue'];
  return typeof owner === 'string' ? owner : 'none';
}

/** Syncs with a Schedule of this installation, as far as Temporal's list knows by now: it lags a second behind. */
export async function listedSyncs(temporal: Orchestrator): Promise<readonly string[]> {
  const syncs: string[] = [];
  const { workflowService, options: { namespace, loadedDataConverter } } = temporal.client;
  let nextPageToken: Uint8Array | undefined;
  do {
    // Not by the client's own list, which reads every memo: those of other installations may be encrypted for them.
    const page = await workflowService.listSchedules({ namespace, maximumPageSize: PAGE, ...(nextPageToken && { nextPageToken }) });
    for (const { scheduleId, memo } of page.schedules) {
      const sync = idsOf(temporal).syncOfSchedule(scheduleId ?? '');
      if (sync !== undefined && ownerOf(await decodeMapFromPayloads(loadedDataConverter, memo?.fields)) === temporal.taskQueue) syncs.push(sync);
    }
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return syncs;
}
