import type { Claimable } from '../ledger/index.js';

/** How full a call may be and how long a part-filled one may wait. */
export interface Filling {
  readonly batchSize: number;
  /** Milliseconds. */
  readonly linger: number;
  /** After so long a group goes before any fuller one. Milliseconds. */
  readonly agedMs: number;
}

/** A group to send now; or how long until one is worth sending (null: nothing waits). */
export type Choice = { readonly group: Claimable } | { readonly waitMs: number | null };

/**
 * Which of the ready groups leaves with the next call: opt-outs, then what is not only a backfill's (but for the lowest
 * class's share: `share` is one call in ten, as in the claim), then rows that have waited long, then rows
 * whose search has no witness yet (smallest first: one accepted row settles the question), then the fullest.
 * A part-filled call lingers while a run still feeds the lane, unless it holds an opt-out.
 */
export function choose(groups: readonly Claimable[], fillingOf: (destination: string) => Filling | undefined, share = false): Choice {
  let best: Claimable | undefined;
  const aged = (group: Claimable): boolean => group.waitedMs > (fillingOf(group.destination)?.agedMs ?? Infinity);
  let waitMs: number | null = null;
  for (const group of groups) {
    const filling = fillingOf(group.destination);
    if (filling === undefined) continue;
    const lingers = group.bundle === null && !group.urgent && group.feeding && group.ready < filling.batchSize;
    if (lingers && group.waitedMs < filling.linger) {
      waitMs = Math.min(waitMs ?? Infinity, filling.linger - group.waitedMs);
      continue;
    }
    if (best === undefined || comesBefore(group, best, aged, share)) best = group;
  }
  return best ? { group: best } : { waitMs };
}

function comesBefore(a: Claimable, b: Claimable, aged: (group: Claimable) => boolean, share: boolean): boolean {
  if (a.urgent !== b.urgent) return a.urgent;
  // Its rows have waited longer and fill their calls: without this a few newer rows of another form would wait for them all.
  if (a.lowest !== b.lowest && !share) return b.lowest;
  if (aged(a) !== aged(b)) return aged(a);
  if (a.witnessed !== b.witnessed) return !a.witnessed;
  if (!a.witnessed && a.ready !== b.ready) return a.ready < b.ready;
  if (a.ready !== b.ready) return a.ready > b.ready;
  // Parts of one call have waited as long as each other: the first goes first.
  return a.bundle !== null && b.bundle !== null ? a.bundle < b.bundle : a.waitedMs > b.waitedMs;
}
