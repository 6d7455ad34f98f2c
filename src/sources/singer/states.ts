import type { Json } from '../../contacts/index.js';
import { subtractMs } from '../../contacts/index.js';

/** A STATE of a run, by which a later one may start. Times are ISO microseconds. */
interface Kept {
  /** When the run began, and when it had read all; of our clock. */
  readonly begun: string;
  readonly ended: string;
  /** JSON text. */
  readonly state: string;
  /** The greatest time of a record before it; null or absent where records have none. */
  readonly time?: string | null;
}

/** A STATE in the middle of a reading, and the greatest time of a record before it. */
export interface Mark {
  /** JSON text. */
  readonly state: string;
  /** ISO microseconds. */
  readonly time: string;
}

/** Steps in which a span of overlap is kept, so that a run every second keeps no hundred states. */
const STEPS = 8;

/** The states of earlier runs in a source's notes; none where they are another stream's. */
export function statesIn(notes: Json | undefined, stream: string): readonly Kept[] {
  if (notes === null || typeof notes !== 'object' || Array.isArray(notes) || notes['stream'] !== stream) return [];
  return (notes['states'] ?? []) as unknown as readonly Kept[];
}

/**
 * The state the next run starts with; null: from the beginning. A STATE cannot be set back by some minutes: only its
 * tap understands it. So the re-read of `overlap` milliseconds starts from the newest state of which one can say that
 * whatever committed late to the last run is after it: no record before it is younger than the cursor less the
 * overlap, or its run had ended that long before the last one began. Only the beginning is before all others.
 */
export function startingState(states: readonly Kept[], overlap: number): string | null {
  return base(states, overlap)?.state ?? null;
}

function base(states: readonly Kept[], overlap: number): Kept | undefined {
  const last = states.at(-1);
  if (last === undefined || overlap === 0) return last;
  const begun = subtractMs(last.begun, overlap);
  const cursor = (last.time ?? null) === null ? null : subtractMs(last.time as string, overlap);
  return states.findLast(({ ended, time }) => ended <= begun || (cursor !== null && (time ?? null) !== null && (time as string) <= cursor));
}

/**
 * With the states of a run that has ended, the last of them `state`, and without those that no later run can start
 * from.
 * @param marks the states before the last one
 */
export function withRun(states: readonly Kept[], run: Kept, marks: readonly Mark[], overlap: number): readonly Kept[] {
  const { begun, ended } = run;
  const added = [...marks.filter(({ state }) => state !== run.state).map((mark) => ({ begun, ended, ...mark })), run];
  const all = added.reduce<readonly Kept[]>((list, one) => appended(list, one, overlap), states);
  const from = base(all, overlap);
  return from === undefined ? all : all.slice(all.indexOf(from));
}

/** With one more state in a reading, and without those that are older than `overlap` needs. */
export function withMark(marks: readonly Mark[], mark: Mark, overlap: number): readonly Mark[] {
  const all = appended(marks, mark, overlap);
  const from = all.findLast(({ time }) => time <= subtractMs(mark.time, overlap));
  return from === undefined ? all : all.slice(all.indexOf(from));
}

/** The one before is as good as the last of them where hardly any time is between the two, by every clock. */
function appended<Item extends { readonly ended?: string; readonly time?: string | null }>(list: readonly Item[], added: Item, overlap: number): readonly Item[] {
  const [before, previous] = list.slice(-2);
  if (before === undefined || previous === undefined) return [...list, added];
  const near = (a: string | null | undefined, b: string | null | undefined): boolean =>
    (b ?? null) === null || ((a ?? null) !== null && (b as string) < addMs(a as string, overlap / STEPS));
  return [...(near(before.ended, previous.ended) && near(before.time, previous.time) ? list.slice(0, -1) : list), added];
}

function addMs(time: string, ms: number): string {
  return new Date(Date.parse(`${time.slice(0, 23)}Z`) + ms).toISOString().slice(0, 23) + time.slice(23);
}
