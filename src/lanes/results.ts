import { duePolls, pollLater, type DuePoll, type Lease, type Pool } from '../ledger/index.js';

/** Before anything is known of how long a platform takes. Milliseconds. */
const FIRST_MS = 500;
const SHORTEST_MS = 150;
const LONGEST_MS = 30_000;
const GROWTH = 1.6;
const SOONER = 0.9;
/** Between looks at the ledger. Milliseconds. */
const LOOK_MS = 100;

/** Milliseconds until an accepted batch is asked for again, after it was asked in vain so many times. */
export function pollDelayMs(firstMs: number, polls: number): number {
  return Math.min(Math.max(firstMs, SHORTEST_MS) * GROWTH ** polls, LONGEST_MS);
}

/** The results an account still waits for: which to ask for next, and how long the platform takes to have them. */
export class Results {
  /** Some batch is accepted and not settled, or was a moment ago. */
  expected = false;
  private ready: DuePoll[] = [];
  private readonly asking = new Set<number>();
  private looksAgainAt = 0;
  private usualMs: number | null = null;

  constructor(
    private readonly pool: Pool,
    private readonly accountId: number,
  ) {}

  /** Milliseconds until a batch that is accepted now is first asked for: what results took lately, and a little more. */
  get firstMs(): number {
    return this.usualMs === null ? FIRST_MS : Math.min(Math.max(this.usualMs * 1.1, SHORTEST_MS), LONGEST_MS);
  }

  async look(): Promise<void> {
    this.ready = [...await duePolls(this.pool, this.accountId, 50)].filter((poll) => !this.asking.has(poll.id));
    this.looksAgainAt = performance.now() + LOOK_MS;
    // Seldom wrong for long: every accepted batch sets it, and a wait for results looks again.
    if (this.ready.length > 0) this.expected = true;
  }

  /** The batch to ask for now. */
  async due(): Promise<DuePoll | undefined> {
    if (!this.expected) return undefined;
    if (this.ready.length === 0 && performance.now() > this.looksAgainAt) await this.look();
    return this.ready[0];
  }

  /** Nobody here can ask for it. */
  async postpone(lease: Lease, poll: DuePoll): Promise<void> {
    this.taken(poll)();
    await pollLater(this.pool, lease, poll.id, LONGEST_MS);
  }

  /** It is being asked for: nobody else asks. @returns when it was answered */
  taken(poll: DuePoll): () => void {
    this.ready = this.ready.filter((other) => other.id !== poll.id);
    this.asking.add(poll.id);
    return () => this.asking.delete(poll.id);
  }

  /**
   * A result came, so long after the batch was accepted and after it was asked for so many times in vain. One that was
   * there at the first asking only says that sooner might do: the next are asked for a little earlier, until one is not
   * there yet. (Its age would not do: it is never less than the wait, and after an outage very much more.)
   */
  arrived(ageMs: number, polls: number): void {
    const took = polls === 0 ? Math.min(ageMs, (this.usualMs ?? FIRST_MS) * SOONER) : ageMs;
    this.usualMs = this.usualMs === null ? took : this.usualMs * 0.8 + took * 0.2;
  }
}
