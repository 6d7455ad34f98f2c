import { claimable, NO_FLOORS, type Claimable, type ClaimedBatch, type Floors, type Pool } from '../ledger/index.js';

/** Between looks at the whole open queue. Milliseconds. */
const WHOLE_MS = 1_000;
/** How long a group that had nothing to claim after all is left alone. Milliseconds. */
const PASSED_OVER_MS = 40;
/** Rows counted, at most, of a group. */
const COUNTED = 1_000;

const nameOf = (group: Claimable): string => `${group.kind}/${group.bundle ?? ''}`;

/** Beyond every place of the queue. */
const END = Number.MAX_SAFE_INTEGER;

/** What a driver sees of an account's outbox: it begins where the last claim ended, and now and then at the start. */
export class OpenQueue {
  private from: Floors = NO_FLOORS;
  private wholeAgainAt = 0;
  private readonly passedOver = new Map<string, number>();
  /** Only opt-outs and erasures are to be seen. */
  urgentOnly = false;

  constructor(
    private readonly pool: Pool,
    private readonly accountId: number,
  ) {}

  /** Where the next claim begins. */
  get floors(): Floors {
    return this.urgentOnly ? [this.from[0], END, END, END] : this.from;
  }

  /** Whether rows may wait before the place the last look began at: returned, or locked or uncommitted a moment ago. */
  get partial(): boolean {
    return this.from !== NO_FLOORS;
  }

  async groups(): Promise<readonly Claimable[]> {
    if (performance.now() > this.wholeAgainAt) this.fromTheStart();
    const groups = await claimable(this.pool, this.accountId, COUNTED, this.floors);
    return groups.filter((group) => (!this.urgentOnly || group.bundle === null) && performance.now() >= (this.passedOver.get(nameOf(group)) ?? 0));
  }

  fromTheStart(): void {
    this.from = NO_FLOORS;
    this.wholeAgainAt = performance.now() + WHOLE_MS;
  }

  claimed({ reached }: ClaimedBatch): void {
    this.from = this.from.map((floor, priority) => Math.max(floor, reached[priority] ?? 0)) as unknown as Floors;
  }

  /** Whether some group was passed over a moment ago. */
  get leavesSomethingAlone(): boolean {
    return [...this.passedOver.values()].some((until) => performance.now() < until);
  }

  /** Everything that looked ready belongs to contacts that are in flight: other groups go meanwhile. */
  passOver(group: Claimable): void {
    this.passedOver.set(nameOf(group), performance.now() + PASSED_OVER_MS);
  }
}
