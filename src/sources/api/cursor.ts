import { later, microTime } from '../../contacts/index.js';
import type { ReadPlan, SourceState } from '../contract.js';

/**
 * The bound of a run by the platform's clock, which tells whole seconds: the end of the second it told, so that what
 * changed just now is among what is read. Where it tells none, this machine's.
 */
export function boundOf(at: string | null): string {
  return `${(at ?? microTime(Date.now())).slice(0, 19)}.999999Z`;
}

/**
 * The state after a run of a source whose only clock is its rows' times: the greatest time seen, never beyond the
 * second in which the run began, whose rows may still change. Not the bound itself: where the platform's index stands
 * still for an hour nothing is seen, the cursor stays, and what was late is read when it comes.
 */
export function boundedCursor(plan: ReadPlan, previous: SourceState | null, maxTime: string | null): SourceState {
  const before = previous?.cursor ?? null;
  if (plan.kind === 'window' || plan.kind === 'only') return previous ?? { cursor: null, notes: null };
  const began = plan.to === null ? null : `${plan.to.slice(0, 19)}.000000Z`;
  const bounded = maxTime !== null && began !== null && maxTime > began ? began : maxTime;
  return { cursor: later(before, bounded), notes: null };
}

/** The keys of a plan of chosen ones, as its notes have them. */
export function chosenKeys(plan: ReadPlan): readonly string[] {
  return (plan.notes as unknown as { readonly keys: readonly string[] }).keys;
}

/** A time of a platform that knows whole seconds only; a bound within one goes to the one that misses nothing. */
export function wholeSecond(time: string, round: 'down' | 'up'): string {
  const down = `${time.slice(0, 19)}.000000Z`;
  return round === 'down' || time === down ? down : microTime(Date.parse(down) + 1000);
}
