import { createHash } from 'node:crypto';
import type { Json } from '../../contacts/index.js';

/** Where reading goes on: the request of the next page, and what tells that pages do not go round in circles. */
export interface Position {
  /** A cursor, an address, a page number or an offset; null: the first page. */
  readonly at: string | number | null;
  /** Pages read so far, for the places in messages. */
  readonly pages: number;
  /** Brent's search for a cycle among cursors or addresses: the digest it waits for, and how long it still does. */
  readonly mark: string | null;
  readonly power: number;
  readonly steps: number;
  /** Digests of the last records read before `at` (offset), or of the whole page before it (page). */
  readonly tail: readonly string[];
  /** Offset: how far to look back for the tail, after it was not where it had been. */
  readonly back: number;
  /** How often the reading began again, because a cursor was no longer known or everything had moved. */
  readonly restarts: number;
  /** Offset: records of the fullest answer so far. */
  readonly full: number;
  /** Of the answer at `at`: how many records were handed over, and their digest. */
  readonly part: { readonly done: number; readonly mark: string } | null;
}

export const START: Position = { at: null, pages: 0, mark: null, power: 1, steps: 0, tail: [], back: 0, restarts: 0, full: 0, part: null };

/** A position as it was stored; anything else starts from the beginning. */
export function positionOf(stored: Json | null): Position {
  return stored !== null && typeof stored === 'object' && !Array.isArray(stored) && typeof stored.pages === 'number' ? (stored as unknown as Position) : START;
}

/** A position that can be stored. */
export function stored(position: Position): Json {
  return { ...position, tail: [...position.tail], part: position.part === null ? null : { ...position.part } };
}

/** Sixteen hex digits that stand for a value. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value) ?? '').digest('hex').slice(0, 16);
}

/**
 * One step of Brent's search for a cycle: a sequence of next pages that comes back to itself is found within a few
 * rounds, with nothing kept but one digest.
 * @returns null where the sequence has come back
 */
export function step(position: Position, next: string | number): Pick<Position, 'mark' | 'power' | 'steps'> | null {
  const here = digest(next);
  if (here === position.mark) return null;
  if (position.mark === null || position.steps + 1 >= position.power) return { mark: here, power: position.power * 2, steps: 0 };
  return { mark: position.mark, power: position.power, steps: position.steps + 1 };
}
