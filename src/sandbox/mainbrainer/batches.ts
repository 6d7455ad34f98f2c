import { randomUUID } from 'node:crypto';
import { withDeadline } from '../../http/index.js';

/** Ids by what became of their contacts. */
export interface Processed {
  readonly inserted: readonly number[];
  readonly updated: readonly number[];
  readonly skipped: readonly number[];
}

/** One accepted batch. */
export interface Batch {
  readonly id: string;
  /** On the monotonic clock: from when it is no longer pending. */
  readonly begins: number;
  /** Its status stays as it was before the end. */
  readonly lost: boolean;
  /** Null: not processed yet. */
  end: Processed | { readonly failed: string } | null;
}

/** The accepted batches and the timers that end them. */
export class Batches {
  #batches = new Map<string, Batch>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #calls = new Set<Promise<void>>();
  #stop = new AbortController();

  /** Accepts a batch that begins to be processed after `delay` milliseconds. */
  add(delay: number, lost: boolean): Batch {
    const batch: Batch = { id: randomUUID(), begins: performance.now() + delay / 2, lost, end: null };
    this.#batches.set(batch.id, batch);
    return batch;
  }

  find(id: string): Batch | undefined {
    return this.#batches.get(id.toLowerCase());
  }

  /** Does something later, unless the platform is closed or reset before. */
  later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  /** Calls a webhook once, whatever comes of it; `end` cuts it short. */
  call(url: string, body: object): Promise<void> {
    const calling = withDeadline(this.#stop.signal, 5_000, async (signal) => {
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal });
      await answer.arrayBuffer();
    })
      // A receiver that is not there is its own misfortune: a webhook can be lost.
      .then(() => undefined, () => undefined);
    this.#calls.add(calling);
    void calling.finally(() => this.#calls.delete(calling));
    return calling;
  }

  /** Resolves when nothing is being processed and no webhook is under way. */
  async idle(): Promise<void> {
    while (this.#timers.size > 0 || this.#calls.size > 0) {
      await Promise.all(this.#calls);
      if (this.#timers.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Forgets every batch and ends what goes on. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#batches = new Map();
  }
}
