import type { Json } from '../../contacts/index.js';
import { subtractMs } from '../../contacts/index.js';

/** A STATE a run ended with. Times are ISO microseconds, of our clock. */
interface Kept {
  /** When the run began. */
  readonly begun: string;
  /** When it had read all. */
  readonly ended: string;
  /** JSON text. */
  readonly state: string;
}

/** Steps in which a span of overlap is kept, so that a run every second keeps no hundred states. */
const STEPS = 8;

/** The states of earlier runs in a source's notes; none where they are another stream's. */
export function statesIn(notes: Json | undefined, stream: string): readonly Kept[] {
  if (notes === null || typeof notes !== 'object' || Array.isArray(notes) || notes['stream'] !== stream) return [];
  return (notes['states'] ?? []) as unknown as readonly Kept[];
}

/**
 * The state the next run starts with. A STATE cannot be set back by some minutes: only its tap understands it. So the
 * re-read of `overlap` milliseconds starts from the newest state of a run that had ended that long before the last one
 * began: what committed late to the last is after it. Where none is as old, the oldest that is kept.
 */
export function startingState(states: readonly Kept[], overlap: number): string | null {
  return base(states, overlap)?.state ?? null;
}

function base(states: readonly Kept[], overlap: number): Kept | undefined {
  const last = states.at(-1);
  if (last === undefined || overlap === 0) return last;
  const bound = subtractMs(last.begun, overlap);
  return states.findLast(({ ended }) => ended <= bound) ?? states[0];
}

/** With the state of a run that has ended, and without those that no later run can start from. */
export function withState(states: readonly Kept[], added: Kept, overlap: number): readonly Kept[] {
  const [before, previous] = states.slice(-2);
  // The one before is as good as the last of them, where hardly any time is between them.
  const dense = previous !== undefined && before !== undefined && previous.ended < addMs(before.ended, overlap / STEPS);
  const next = [...(dense ? states.slice(0, -1) : states), added];
  return next.slice(next.indexOf(base(next, overlap) as Kept));
}

function addMs(time: string, ms: number): string {
  return new Date(Date.parse(`${time.slice(0, 23)}Z`) + ms).toISOString().slice(0, 23) + time.slice(23);
}
