import type { SyncInput, SyncProgress } from './names.js';
import { ledger, reading, SyncRun } from './run.js';

/** Rejected rows once more: queue those that were chosen, wait until every one is settled, verify, close. */
export async function retry(input: SyncInput): Promise<SyncProgress> {
  return new Retry(input).execute();
}

class Retry extends SyncRun {
  /** Reads no source: its rows stand in the ledger. Those of a try that died are queued once. */
  protected override async read(run: string): Promise<void> {
    if (this.cancelled) await ledger.stopReading({ run });
    else await reading.queueRejected({ run });
  }
}
