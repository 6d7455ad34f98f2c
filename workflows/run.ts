import {
  allHandlersFinished, CancellationScope, condition, ContinueAsNew, continueAsNew, isCancellation, proxyActivities,
  setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo,
} from '@temporalio/workflow';
import type { Activities, OpenedRun, SettlementReport } from '../activities/types.js';
import type { RunStatus, VerificationDocument } from '../src/ledger/index.js';
import { rowsWords, syncDetails } from './details.js';
import { failedWith } from './failed.js';
import {
  cancelSignal, destinationAttribute, kindAttribute, phaseAttribute, progressQuery, rejectedAttribute, settledSignal, syncAttribute,
  type Phase, type SyncInput, type SyncProgress,
} from './names.js';

const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '15s' } as const;

// Each is a statement or two and safe to repeat: one that a worker took along when it died is not waited for long.
const keeping = (summary: string): Activities => proxyActivities<Activities>({ startToCloseTimeout: '20s', retry: RETRY, summary });
const working = (summary: string): Activities => proxyActivities<Activities>({ startToCloseTimeout: '15m', heartbeatTimeout: '6s', retry: RETRY, summary });
export const ledger = {
  openRun: keeping('opening the run').openRun,
  settlement: keeping('looking at the books').settlement,
  closeRun: keeping('closing the run').closeRun,
  stopReading: keeping('stopping to read: somebody cancelled').stopReading,
  pauseReading: keeping('noting that reading pauses, or goes on').pauseReading,
};
export const reading = {
  extractRun: working('reading the source').extractRun,
  extractSlice: working('reading a slice of the source').extractSlice,
  queueRejected: working('queueing the rejected rows').queueRejected,
};
// A second try serves a worker that stopped; what cannot be counted stays uncounted.
const counting = proxyActivities<Activities>({ startToCloseTimeout: '3m', heartbeatTimeout: '10s', retry: { ...RETRY, maximumAttempts: 2 }, summary: 'counting what the changed configuration touches' });
const asking = proxyActivities<Activities>({ startToCloseTimeout: '1h', heartbeatTimeout: '6s', retry: RETRY, summary: 'asking the platform who opted out' });
const checking = proxyActivities<Activities>({ startToCloseTimeout: '7d', heartbeatTimeout: '60s', retry: { ...RETRY, maximumAttempts: 20 }, summary: 'verifying the audience' });

/** Milliseconds between looks at a run's books while no news comes: at first, and doubling up to. */
const FIRST_LOOK_MS = 8_000;
const LONGEST_LOOK_MS = 64_000;

/** What every run of a sync does, whoever started it: read and stage, wait until every row is settled, verify, close. */
export class SyncRun<Input extends SyncInput = SyncInput> {
  protected phase: Phase = 'opening';
  private opened: OpenedRun | undefined;
  protected books: SettlementReport | undefined;
  private verification: VerificationDocument | null = null;
  private status: RunStatus = 'running';
  /** Why it failed. */
  private reason: string | undefined;
  protected settled = 0;
  protected cancelled = false;
  private asked: CancellationScope | undefined;
  private readonly startedAt: number;

  constructor(protected readonly input: Input) {
    this.startedAt = input.startedAt ?? Date.now();
    setHandler(progressQuery, () => this.progress());
    setHandler(settledSignal, () => { this.settled += 1; });
    setHandler(cancelSignal, () => {
      this.cancelled = true;
      this.asked?.cancel();
    });
  }

  async execute(): Promise<SyncProgress> {
    this.show();
    try {
      this.opened = await ledger.openRun({ sync: this.input.sync, run: this.input.run ?? null, workflowId: workflowInfo().workflowId });
    } catch (error) {
      throw failedWith('RunFailed', error);
    }
    if (this.opened.attached) return this.progress();
    if (this.input.attributes) {
      upsertSearchAttributes([
        { key: syncAttribute, value: this.input.sync },
        { key: destinationAttribute, value: this.opened.destination },
        { key: kindAttribute, value: this.opened.kind },
      ]);
    }
    try {
      await this.extract();
      await this.settle();
    } catch (error) {
      // How the SDK ends one execution to begin the next.
      if (error instanceof ContinueAsNew) throw error;
      return await this.fail(error);
    }
    return this.progress();
  }

  private async extract(): Promise<void> {
    if (this.input.phase === 'delivering') return;
    const { run } = this.opened as OpenedRun;
    try {
      await this.readOptOuts();
      this.enter('extracting');
      await this.read(run);
    } catch (error) {
      if (!isCancellation(error)) throw error;
      // Cancelled in Temporal: reading stops, what is staged is still delivered.
      await CancellationScope.nonCancellable(() => ledger.stopReading({ run }));
      this.cancelled = true;
    }
  }

  /** Reads the source, some twenty seconds an activity, until it is done or somebody stops it. */
  protected async read(run: string): Promise<void> {
    for (;;) {
      if (this.cancelled) await ledger.stopReading({ run });
      const report = await reading.extractRun({ run });
      this.cancelled ||= report.cancelled;
      if (report.done || report.cancelled) return;
      this.books = await ledger.settlement({ run, close: false });
      this.show();
      await this.restartIfLong('extracting');
    }
  }

  /** What people took back at the platform is known before anything is staged. A cancellation does not wait for it. */
  private async readOptOuts(): Promise<void> {
    const { run, optOuts } = this.opened as OpenedRun;
    if (optOuts !== true || this.input.phase !== undefined || this.cancelled) return;
    this.asked = new CancellationScope();
    await this.asked.run(() => asking.readOptOuts({ run }));
    this.asked = undefined;
  }

  /** Waits for the lane, verifies, closes. A cancelled workflow closes its books as well. */
  private settle(): Promise<void> {
    return CancellationScope.nonCancellable(async () => {
      const { run, verify } = this.opened as OpenedRun;
      this.enter('delivering');
      const counted = this.countRemapped();
      let waitMs = FIRST_LOOK_MS;
      for (;;) {
        const seen = this.settled;
        this.books = await ledger.settlement({ run, close: !verify && counted === undefined });
        this.status = this.books.status;
        this.show();
        if (this.books.done) break;
        if (this.patienceMs() <= 0) {
          await counted;
          await this.close('delivering');
          return;
        }
        // The lane tells when rows are settled; news that a crash swallowed is made up for by looking now and then.
        const lookMs = Math.min(waitMs, this.patienceMs());
        waitMs = (await condition(() => this.settled > seen, lookMs, { summary: rowsWords(this.books.counts) })) ? FIRST_LOOK_MS : Math.min(2 * waitMs, LONGEST_LOOK_MS);
        await this.restartIfLong('delivering');
      }
      await counted;
      if (verify) {
        this.enter('verifying');
        this.verification = await checking.verifyRun({ run });
      }
      if (verify || counted !== undefined) await this.close(this.books.status);
      else this.enter('closed');
    });
  }

  /** Milliseconds a scheduled run may still wait for its rows: one that is open when the next is due has it skipped. */
  private patienceMs(): number {
    const { settleWithin } = this.input;
    return settleWithin === undefined ? Number.POSITIVE_INFINITY : this.startedAt + settleWithin - Date.now();
  }

  /** Beside the delivery, so that it seldom costs the run time; a run that was cancelled does not wait for it. */
  private countRemapped(): Promise<unknown> | undefined {
    const { run, remapped } = this.opened as OpenedRun;
    if (remapped !== true || this.cancelled) return undefined;
    return Promise.race([counting.countMapping({ run }).catch(() => undefined), condition(() => this.cancelled)]);
  }

  private async close(status: RunStatus): Promise<void> {
    this.books = await ledger.closeRun({ run: (this.opened as OpenedRun).run, status, error: null });
    this.status = this.books.status;
    this.enter('closed');
  }

  /** Marks the run as failed in the ledger; its staged rows stay queued and the cursor stands. */
  private async fail(error: unknown): Promise<never> {
    const failure = failedWith('RunFailed', error);
    const reason = failure.message;
    await CancellationScope.nonCancellable(async () => {
      this.books = await ledger.closeRun({ run: (this.opened as OpenedRun).run, status: 'failed', error: reason });
    });
    this.status = 'failed';
    this.enter('closed');
    this.reason = reason;
    this.show();
    throw failure;
  }

  protected enterOnce(phase: Phase): void {
    if (this.phase === phase) this.show();
    else this.enter(phase);
  }

  protected enter(phase: Phase): void {
    this.phase = phase;
    if (this.input.attributes) {
      upsertSearchAttributes([
        { key: phaseAttribute, value: phase },
        { key: rejectedAttribute, value: this.books?.counts.rejected ?? 0 },
      ]);
    }
    this.show();
  }

  protected show(): void {
    setCurrentDetails(this.reason === undefined ? this.details() : `${this.details()}\n\n${this.reason}`);
  }

  protected details(): string {
    return syncDetails(this.progress());
  }

  /** The input of the execution that goes on with this run. */
  protected next(): Input {
    return this.input;
  }

  protected async restartIfLong(phase: Phase): Promise<void> {
    if (workflowInfo().historyLength < (this.input.historyLimit ?? 2_000)) return;
    await condition(allHandlersFinished);
    await continueAsNew<(input: SyncInput) => Promise<SyncProgress>>({ ...this.next(), run: (this.opened as OpenedRun).run, phase, startedAt: this.startedAt });
  }

  progress(): SyncProgress {
    return {
      run: this.opened?.run ?? this.input.run ?? null,
      sync: this.input.sync,
      phase: this.phase,
      status: this.status,
      counts: this.books?.counts ?? null,
      cursor: this.books?.cursor ?? { from: null, to: null },
      batches: this.books?.batches ?? [],
      verification: this.verification,
    };
  }
}
