import {
  ActivityCancellationType, allHandlersFinished, ApplicationFailure, CancellationScope, condition, continueAsNew, getExternalWorkflowHandle, log, patched, proxyActivities,
  setCurrentDetails, setHandler, TimeoutFailure, upsertSearchAttributes, workflowInfo,
} from '@temporalio/workflow';
import type { Activities, DeliverReport } from '../activities/types.js';
import type { Seen } from '../src/ledger/index.js';
import { laneDetails, waitWords } from './details.js';
import {
  destinationAttribute, kindAttribute, laneQuery, phaseAttribute, progressQuery, settledSignal, takeOverSignal, wakeSignal, type LaneInput, type LaneProgress,
} from './names.js';

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
  let progress: LaneProgress = { account: input.account, state: 'sending', reason: null, until: null, calls: 0, recent: [] };
  // Asked once: of an execution that began without them, none of its loops has them.
  const attributes = input.attributes && patched('lane-attributes') ? new Attributes() : undefined;
  const show = (now: Partial<LaneProgress>): void => {
    progress = { ...progress, ...now };
    setCurrentDetails(laneDetails(progress));
  };
  let delivery: CancellationScope | undefined;
  let taken = false;
  let { seen: furthest } = input;
  setHandler(wakeSignal, () => { wakes += 1; });
  setHandler(takeOverSignal, () => {
    wakes += 1;
    taken = delivery !== undefined;
    delivery?.cancel();
  });
  setHandler(laneQuery, () => progress);
  setHandler(progressQuery, () => progress);

  for (;;) {
    const seen = wakes;
    taken = false;
    delivery = new CancellationScope();
    show({ state: 'sending', reason: null, until: null });
    const report = await delivery.run(() => deliverOnce(input.account, furthest, () => taken));
    delivery = undefined;
    furthest = further(furthest, report.seen);
    const waits = report.next === 'wait' && report.waitMs > 0;
    show({
      state: report.state, reason: report.reason, until: waits ? new Date(Date.now() + report.waitMs).toISOString() : null,
      calls: progress.calls + report.calls, recent: report.recent ?? progress.recent,
    });
    attributes?.show(report);
    for (const workflowId of report.runs) await notify(workflowId);
    if (report.next === 'idle' && wakes === seen) return progress;
    if (workflowInfo().historyLength > (input.historyLimit ?? 2_000)) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof lane>({ ...input, ...(furthest && { seen: furthest }) });
    }
    if (waits) await condition(() => wakes > seen, report.waitMs, { summary: waitWords(report.waitMs, report.reason) });
  }
}

/** By what a lane is found: each change is an event, so only changes are told. */
class Attributes {
  private told = '';

  show({ state, destinations }: DeliverReport): void {
    const names = destinations?.join(', ');
    if (this.told === `${state} ${names ?? ''}`) return;
    this.told = `${state} ${names ?? ''}`;
    upsertSearchAttributes([
      { key: kindAttribute, value: 'lane' }, { key: phaseAttribute, value: state },
      ...(names === undefined || names === '' ? [] : [{ key: destinationAttribute, value: names }]),
    ]);
  }
}

async function deliverOnce(account: string, furthest: Seen | undefined, taken: () => boolean): Promise<DeliverReport> {
  try {
    return await deliver({ account, ...(furthest && { seen: furthest }) });
  } catch (error) {
    if (taken()) return { next: 'more', waitMs: 0, state: 'waiting', reason: 'another worker takes over', runs: [], calls: 0 };
    log.warn('a delivery ended without a report; the ledger knows what was sent', { account, cause: error instanceof Error ? error.name : 'unknown' });
    return { next: 'wait', waitMs: TROUBLE_MS, state: 'waiting', reason: 'the last delivery was interrupted', runs: [], calls: 0, ...seenBy(error) };
  }
}

/** The further of two; of another ledger, what was seen last. */
const further = (before: Seen | undefined, now: Seen | undefined): Seen | undefined =>
  before !== undefined && (now === undefined || (now.ledger === before.ledger && now.fence < before.fence)) ? before : now;

/** How far a delivery that broke off had known the ledger to be: from its last words. */
function seenBy(error: unknown): Pick<DeliverReport, 'seen'> {
  const { cause } = error as { readonly cause?: unknown };
  const told: unknown = cause instanceof TimeoutFailure ? cause.lastHeartbeatDetails : cause instanceof ApplicationFailure ? cause.details?.[0] : undefined;
  return typeof told === 'object' && told !== null && 'seen' in told ? { seen: told.seen as Seen } : {};
}

/** A run that is gone already needs no notice. */
async function notify(workflowId: string): Promise<void> {
  await getExternalWorkflowHandle(workflowId).signal(settledSignal).catch(() => undefined);
}
