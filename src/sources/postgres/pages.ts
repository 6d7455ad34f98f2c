import Cursor from 'pg-cursor';
import { parseTime } from '../../contacts/index.js';
import type { Json } from '../../contacts/index.js';
import type { SourcePage, SourceRow } from '../contract.js';
import { rowTypes, type Session } from './client.js';
import { advance, startOf, type Phase, type Position } from './phases.js';

/** A position as it was stored; anything else starts from the beginning. */
export function positionOf(stored: Json | null): Position | null {
  return stored !== null && typeof stored === 'object' && !Array.isArray(stored) && typeof stored.phase === 'string'
    ? (stored as unknown as Position)
    : null;
}

const stored = ({ phase, t, k, n }: Position): Json => ({ phase, t, k, n });

/**
 * Reads the phases through server-side cursors, page by page, and one page ahead of its reader.
 * (Portals of the extended protocol are planned for all their rows: `cursor_tuple_fraction` does not concern them.)
 * Phases that end within a page share it, so that a small run is one page.
 * @param now rows dated later than this have no usable time
 */
export async function* readPhases(
  session: Session,
  phases: readonly Phase[],
  from: Position | null,
  pageSize: number,
  now: string,
): AsyncGenerator<SourcePage> {
  const first = from === null ? 0 : phases.findIndex((phase) => phase.name === from.phase);
  let carried: SourceRow[] = [];
  for (let i = first < 0 ? phases.length : first; i < phases.length; i++) {
    const phase = phases[i]!;
    const following = phases[i + 1]?.name ?? 'done';
    let position = i === first && from !== null ? from : startOf(phase.name);
    const { text, values } = phase.query(position);
    const cursor = session.client.query(new Cursor<unknown[]>(text, [...values], { rowMode: 'array', types: rowTypes }));
    const read = (count: number): Promise<unknown[][]> => {
      const rows = session.guard(() => cursor.read(count));
      // It may fail while its reader is busy with the page before; the failure is met when the rows are asked for.
      rows.catch(() => undefined);
      return rows;
    };
    let asked = pageSize - carried.length;
    let ahead = read(asked);
    for (;;) {
      const raw = await ahead;
      const ended = raw.length < asked;
      position = ended ? startOf(following) : advance(phase.name, position, raw);
      if (!ended) ahead = read((asked = pageSize));
      const rows = raw.map((row) => sourceRow(row, phase, now));
      const page = carried.length > 0 ? [...carried, ...rows] : rows;
      carried = [];
      if (ended) {
        await session.guard(() => cursor.close());
        carried = page;
        break;
      }
      yield { rows: page, position: stored(position), last: false };
    }
  }
  yield { rows: carried, position: stored(startOf('done')), last: true };
}

/** Takes key and time off the end of the row; what is left are the mapped values. */
function sourceRow(row: unknown[], phase: Phase, now: string): SourceRow {
  const time = row.pop() as string | null;
  const key = row.pop() as string | null;
  if (phase.name === 'all') return { key, time: null, values: row };
  const usable = phase.name === 'undated' || time === null ? null : parseTime(time);
  return usable === null || usable > now ? { key, time: null, oddTime: true, values: row } : { key, time: usable, values: row };
}
