import { withDeadline, wordsOfError, type HttpAnswer } from '../../http/index.js';
import type { SourceError } from '../contract.js';

/** What follows from an answer. What asking again cannot mend is thrown by whoever judges. */
export type Verdict<Answer> =
  | { readonly answer: Answer }
  /** Refused for the rate; milliseconds to wait, null where it is not told. */
  | { readonly throttled: number | null }
  /** Another try may help, after so many milliseconds where that is told. */
  | { readonly trouble: string; readonly pause?: number | null }
  /** To be asked again at once: something was renewed. */
  | { readonly renewed: true };

/** How long a call is tried, and what is said in the end. Times are milliseconds. */
export interface Patience {
  /** Of one try, from start to last byte. */
  readonly timeout: number;
  /** Tries that may come to nothing, and the pause after one: doubled from the first on up to the most. */
  readonly tries: number;
  readonly pause: { readonly first: number; readonly most: number };
  /**
   * Refusals for the rate that are waited out, each no longer than `longest`; where no wait is told, doubled from the
   * first on up to the most. A longer wait is the run's: it gives its place back and comes again.
   */
  readonly throttled: { readonly waits: number; readonly longest: number; readonly first: number; readonly most: number; readonly least?: number };
  /** Before every try: the pace. */
  readonly turn?: (signal: AbortSignal) => Promise<void>;
  /** Waits; rejects with the signal's reason when it aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** Waits out a refusal for the rate, where that is not `wait`. */
  readonly hold?: (ms: number) => void;
  /** A try without a complete answer, in words for {@link failed}. */
  readonly unanswered: (words: string) => string;
  /** No try helped; of the last it is said why. */
  readonly failed: (trouble: string) => SourceError;
  /** The wait is too long, or it is one too many: the status, its length, and how many came in a row. */
  readonly refused: (status: number, ms: number, times: number) => SourceError;
}

/**
 * One call of a source, tried until its answer can be used. All such calls are reads, so making one twice does no harm.
 * @param prepare makes ready what every try needs (a token), and resolves to the try
 * @throws SourceError of `patience`, whatever `prepare` and `judge` throw, the signal's reason when it aborts
 */
export async function persist<Answer>(
  patience: Patience,
  prepare: (signal: AbortSignal) => Promise<(bounded: AbortSignal) => Promise<HttpAnswer>>,
  judge: (answer: HttpAnswer) => Verdict<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  const { throttled, pause } = patience;
  let failures = 0;
  let refusals = 0;
  for (;;) {
    signal.throwIfAborted();
    await patience.turn?.(signal);
    const answer = await attempt(patience, await prepare(signal), signal);
    const verdict: Verdict<Answer> = typeof answer === 'string' ? { trouble: answer } : judge(answer);
    if ('answer' in verdict) return verdict.answer;
    if ('renewed' in verdict) continue;
    if ('throttled' in verdict) {
      const ms = Math.max(verdict.throttled ?? Math.min(throttled.first * 2 ** refusals, throttled.most), throttled.least ?? 0);
      refusals += 1;
      if (ms > throttled.longest || refusals > throttled.waits) throw patience.refused((answer as HttpAnswer).status, ms, refusals);
      if (patience.hold === undefined) await patience.wait(ms, signal);
      else patience.hold(ms);
    } else {
      failures += 1;
      if (failures >= patience.tries) throw patience.failed(verdict.trouble);
      await patience.wait(Math.min(verdict.pause ?? pause.first * 2 ** (failures - 1), pause.most), signal);
    }
  }
}

/** The answer, whatever its status, or why there is none. */
async function attempt({ timeout, unanswered }: Patience, call: (bounded: AbortSignal) => Promise<HttpAnswer>, signal: AbortSignal): Promise<HttpAnswer | string> {
  try {
    return await withDeadline(signal, timeout, call);
  } catch (error) {
    signal.throwIfAborted();
    return unanswered(wordsOfError(error));
  }
}
