import {
  ActivityCancellationType, allHandlersFinished, CancellationScope, condition, continueAsNew, getExternalWorkflowHandle, log, proxyActivities, setCurrentDetails, setHandler, workflowInfo,
} from '@temporalio/workflow';
import type { Activities, DeliverReport } from '../activities/types.js';
import { laneDetails } from './details.js';
import { laneQuery, settledSignal, takeOverSignal, wakeSignal, type LaneInput, type LaneProgress } from './names.js';

const { deliver } = proxyActivities<Activities>({
  startToCloseTimeout: '10m',
  // Beats come every two seconds: a dead worker is noticed before its lease has run out.
  heartbeatTimeout: '7s',
  // What follows a failed delivery is decided here, after its lease has run out, not by a blind retry.
  retry: { maximumAttempts: 1 },
  // A delivery that is taken over may have nobody left to confirm its end; its lease and fence keep it harmless.
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  summary: 'making paced calls',
});

/** Milliseconds between tries while the ledger or the workers cannot be reached. */
const TROUBLE_MS = 1_000;

/** Drives one account: asks the ledger for work, makes calls, waits as long as it must, ends when nothing is left. */
export async function lane(input: LaneInput): Promise<LaneProgress> {
  let wakes = 0;
  let progress: LaneProgress = { account: input.account, state: 'idle', reason: null, calls: 0 };
  let delivery: CancellationScope | undefined;
  let taken = false;
  setHandler(wakeSignal, () => { wakes += 1; });
  setHandler(takeOverSignal, () => {
    wakes += 1;
    taken = delivery !== undefined;
    delivery?.cancel();
  });
  setHandler(laneQuery, () => progress);

  for (;;) {
    const seen = wakes;
    taken = false;
    delivery = new CancellationScope();
    const report = await delivery.run(() => deliverOnce(input.account, () => taken));
    delivery = undefined;
    progress = { account: input.account, state: report.state, reason: report.reason, calls: progress.calls + report.calls };
    setCurrentDetails(laneDetails(progress, report.waitMs));
    for (const workflowId of report.runs) await notify(workflowId);
    if (report.next === 'idle' && wakes === seen) return progress;
    if (workflowInfo().historyLength > (input.historyLimit ?? 2_000)) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof lane>(input);
    }
    if (report.next === 'wait' && report.waitMs > 0) await condition(() => wakes > seen, report.waitMs, { summary: report.state.replaceAll('_', ' ') });
  }
}

async function deliverOnce(account: string, taken: () => boolean): Promise<DeliverReport> {
  try {
    return await deliver({ account });
  } catch (error) {
    if (taken()) return { next: 'more', waitMs: 0, state: 'waiting', reason: 'another worker takes over', runs: [], calls: 0 };
    log.warn('a delivery ended without a report; the ledger knows what was sent', { account, cause: error instanceof Error ? error.name : 'unknown' });
    return { next: 'wait', waitMs: TROUBLE_MS, state: 'waiting', reason: 'the last delivery was interrupted', runs: [], calls: 0 };
  }
}

/** A run that is gone already needs no notice. */
async function notify(workflowId: string): Promise<void> {
  await getExternalWorkflowHandle(workflowId).signal(settledSignal).catch(() => undefined);
}
