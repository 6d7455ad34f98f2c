import type { DeliveryWindow } from '../config/index.js';
import type { Claimable } from '../ledger/index.js';
import { opening, windowAt } from './window.js';

/** Why rows wait although they are ready: the first window to open. */
export interface Shut {
  readonly opensInMs: number;
  readonly reason: string;
}

interface Seen {
  readonly shut: Shut | null;
  /** By the ledger's clock. */
  readonly untilMs: number;
  readonly atMs: number;
}

/** The delivery windows of an account's destinations, as its driver sees them. */
export class Windows {
  private readonly seen = new Map<string, Seen>();

  /** @param leadMs how long before its call leaves a row may be claimed: it must not leave after the window has shut */
  constructor(
    private readonly windowOf: (destination: string) => DeliveryWindow | undefined,
    private readonly leadMs: number,
  ) {}

  /** Of the ready groups those that may go at a moment of the ledger's clock, opt-outs at any; and why the others wait. */
  sift(groups: readonly Claimable[], nowMs: number): { readonly groups: readonly Claimable[]; readonly shut: Shut | undefined } {
    let first: Shut | undefined;
    const free = groups.filter((group) => {
      const shut = this.shutAt(group.destination, nowMs);
      if (shut === null) return true;
      if (first === undefined || shut.opensInMs < first.opensInMs) first = shut;
      return group.urgent;
    });
    return { groups: free, shut: first };
  }

  /** Whether a call that leaves now may carry nothing but opt-outs and erasures. */
  onlyOptOuts(destination: string, nowMs: number): boolean {
    return this.shutAt(destination, nowMs) !== null;
  }

  private shutAt(destination: string, nowMs: number): Shut | null {
    const window = this.windowOf(destination);
    if (window === undefined) return null;
    let seen = this.seen.get(destination);
    if (seen === undefined || nowMs >= seen.untilMs || nowMs < seen.atMs) {
      seen = this.look(destination, window, nowMs);
      this.seen.set(destination, seen);
    }
    return seen.shut && { ...seen.shut, opensInMs: seen.untilMs - nowMs };
  }

  private look(destination: string, window: DeliveryWindow, nowMs: number): Seen {
    const now = windowAt(window, nowMs);
    if (now.open && now.closesInMs > this.leadMs) return { shut: null, atMs: nowMs, untilMs: nowMs + now.closesInMs - this.leadMs };
    const opensInMs = now.open ? now.closesInMs + opensAfter(window, nowMs + now.closesInMs) : now.opensInMs;
    const untilMs = nowMs + opensInMs;
    return { shut: { opensInMs, reason: `outside the delivery window of ${destination} until ${opening(window, untilMs)}` }, atMs: nowMs, untilMs };
  }
}

function opensAfter(window: DeliveryWindow, at: number): number {
  const state = windowAt(window, at);
  return state.open ? 0 : state.opensInMs;
}
