import { condition, setHandler } from '@temporalio/workflow';
import type { SliceReport } from '../activities/types.js';
import { backfillDetails } from './details.js';
import { pauseSignal, resumeSignal, type BackfillInput, type BackfillProgress } from './names.js';
import { ledger, reading, SyncRun } from './run.js';

/** Milliseconds between looks at a backfill that holds: at most. News of it ends the wait at once. */
const LONGEST_HOLD_MS = 300_000;
const PAUSED_LOOK_MS = 60_000;

/** A whole source, or a window of it, in slices and behind everything else; can be paused, resumed and cancelled. */
export async function backfill(input: BackfillInput): Promise<BackfillProgress> {
  const run = new Backfill(input);
  await run.execute();
  return run.progress();
}

class Backfill extends SyncRun<BackfillInput> {
  private last: SliceReport | undefined;
  /** What somebody asked for here and the ledger does not know yet. */
  private wanted: boolean | undefined;
  private news = 0;

  constructor(input: BackfillInput) {
    super(input);
    this.wanted = input.paused;
    setHandler(pauseSignal, () => { this.want(true); });
    setHandler(resumeSignal, () => { this.want(false); });
  }

  private want(paused: boolean): void {
    this.wanted = paused;
    this.news += 1;
  }

  /** Slice after slice, as far as the destination keeps up. */
  protected override async read(run: string): Promise<void> {
    let heldMs = 0;
    for (;;) {
      const [seen, settled] = [this.news, this.settled];
      if (this.cancelled) await ledger.stopReading({ run });
      else if (this.wanted !== undefined) await this.tell(run, this.wanted);
      const slice = await reading.extractSlice({ run });
      this.last = slice;
      this.cancelled ||= slice.cancelled;
      if (slice.done || slice.cancelled) return;
      this.books = await ledger.settlement({ run, close: false });
      this.enterOnce(slice.hold === 'paused' ? 'paused' : 'extracting');
      await this.restartIfLong('extracting');
      heldMs = slice.hold === null ? 0 : slice.hold === 'paused' ? PAUSED_LOOK_MS : Math.min(Math.max(slice.holdMs, 2 * heldMs), LONGEST_HOLD_MS);
      if (heldMs === 0) continue;
      const full = slice.hold === 'full';
      // The lane's news ends a wait for it: rows have gone.
      await condition(() => this.cancelled || this.news > seen || (full && this.settled > settled), heldMs, {
        summary: full ? 'enough rows wait for the destination' : 'paused',
      });
    }
  }

  private async tell(run: string, paused: boolean): Promise<void> {
    await ledger.pauseReading({ run, paused });
    if (this.wanted === paused) this.wanted = undefined;
  }

  protected override next(): BackfillInput {
    // What the execution before handed over has been told to the ledger.
    const { paused: _, ...input } = this.input;
    return { ...input, ...(this.wanted === undefined ? {} : { paused: this.wanted }) };
  }

  protected override details(): string {
    return backfillDetails(this.progress());
  }

  override progress(): BackfillProgress {
    // What is left to be sent once all is read stands in the books.
    const { hold = null, estimate = null, secondsLeft = null } = this.phase === 'extracting' || this.phase === 'paused' ? (this.last ?? {}) : {};
    return { ...super.progress(), hold, estimate, secondsLeft };
  }
}
