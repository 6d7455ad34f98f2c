import type { SingerSourceConfig } from '../../config/index.js';
import { later, microTime } from '../../contacts/index.js';
import type { Json } from '../../contacts/index.js';
import type { ReadPlan, Source, SourceRow } from '../contract.js';
import { positionOf, type Position } from './position.js';
import { tapWords } from './errors.js';
import { Reading } from './reading.js';
import { startingState, statesIn, withRun } from './states.js';

/** How long a tap waits at a page for whoever goes on from it. Milliseconds. */
const PARKED_MS = 60_000;

/** A plan's notes: what the tap is started with, and the clock of that moment. */
interface Notes {
  readonly state: string | null;
  readonly now: string;
  readonly keys?: readonly string[];
}

const notesOf = (plan: ReadPlan): Notes => plan.notes as unknown as Notes;

/**
 * A Singer tap as a source (Singer specification 0.2). The tap's last STATE is the cursor; it is kept only once every
 * row before it is staged. Chosen keys and windows are picked from a whole reading: a tap cannot be asked for less.
 *
 * A tap whose pages were not all taken waits for a minute, so that reading goes on without a new start.
 * @param options.now milliseconds since 1970; times later than that are not usable. @default Date.now
 * @param options.parkedMs how long a tap waits. @default 60000
 */
export function createSingerSource(
  config: SingerSourceConfig,
  columns: readonly string[],
  options: { readonly now?: () => number; readonly parkedMs?: number } = {},
): Source {
  const now = options.now ?? Date.now;
  const open = new Set<Reading>();
  const parked = new Map<string, { readonly reading: Reading; readonly timer: NodeJS.Timeout }>();

  const close = async (reading: Reading): Promise<void> => {
    await reading.stop();
    open.delete(reading);
  };

  const park = (reading: Reading, { at }: Position): void => {
    const timer = setTimeout(() => {
      parked.delete(at);
      void close(reading);
    }, options.parkedMs ?? PARKED_MS).unref();
    reading.rest(true);
    parked.set(at, { reading, timer });
  };

  const take = (position: Position | null): Reading | null => {
    const found = position === null ? undefined : parked.get(position.at);
    if (position === null || found === undefined) return null;
    clearTimeout(found.timer);
    parked.delete(position.at);
    found.reading.rest(false);
    return found.reading;
  };

  return {
    check: async (signal) => {
      const reading = await Reading.open(config, columns, null, null, { now: microTime(now()), timed: false }, signal);
      open.add(reading);
      try {
        const { rows } = await reading.page(1, signal);
        return `${tapWords(config)}: stream ${config.stream}, ${rows.length === 0 ? 'no records' : 'its first record was read'}, key ${config.key ?? 'as the stream names it'}`;
      } finally {
        await close(reading);
      }
    },

    begin: (request): Promise<ReadPlan> => {
      const { kind } = request;
      const state = kind === 'incremental' ? startingState(statesIn(request.state?.notes, config.stream), config.overlap) : null;
      const notes = { state, now: microTime(now()), ...(kind === 'only' ? { keys: [...(request.keys ?? [])] } : {}) };
      const from = kind === 'window' ? (request.from ?? null) : state === null ? null : (request.state?.cursor ?? null);
      return Promise.resolve({ kind, from, to: (kind === 'window' && request.to) || null, warnings: [], notes });
    },

    async *pages(plan, position, signal) {
      signal.throwIfAborted();
      const from = positionOf(position);
      if (from?.ended === true) {
        yield { rows: [], position, last: true };
        return;
      }
      const notes = notesOf(plan);
      const timed = plan.kind === 'window' && (plan.from !== null || plan.to !== null);
      const reading = take(from) ?? (await Reading.open(config, columns, from, notes.state, { now: notes.now, timed }, signal));
      open.add(reading);
      const wanted = wantedBy(plan, notes);
      let resting: Position | null = null;
      try {
        for (;;) {
          resting = null;
          const page = await reading.page(config.pageSize, signal);
          const rows = page.rows.filter(wanted);
          const last = page.position.ended;
          // A page nobody wants is not worth a transaction; the position of the next one covers it.
          if (rows.length === 0 && !last) continue;
          if (!last) resting = page.position;
          yield { rows, position: page.position as unknown as Json, last };
          if (last) return;
        }
      } finally {
        if (resting !== null && !signal.aborted) park(reading, resting);
        else await close(reading);
      }
    },

    finish: (plan, previous, maxTime, _signal, position) => {
      if (plan.kind === 'window' || plan.kind === 'only') return Promise.resolve(previous ?? { cursor: null, notes: null });
      const states = statesIn(previous?.notes, config.stream);
      const cursor = later(previous?.cursor ?? null, maxTime);
      const { state = null, marks = [] } = positionOf(position ?? null) ?? {};
      // A tap that wrote no STATE has nothing new to say of where it stands.
      const next = state === null ? states : withRun(states, { begun: notesOf(plan).now, ended: microTime(now()), state, time: cursor }, marks, config.overlap);
      return Promise.resolve({ cursor, notes: { stream: config.stream, states: next as unknown as Json } });
    },

    count: (plan) => Promise.resolve(notesOf(plan).keys?.length ?? null),

    close: async () => {
      for (const { timer } of parked.values()) clearTimeout(timer);
      parked.clear();
      await Promise.all([...open].map(close));
    },
  };
}

/** Which rows a plan is about. */
function wantedBy(plan: ReadPlan, notes: Notes): (row: SourceRow) => boolean {
  if (plan.kind === 'only') {
    const keys = new Set(notes.keys);
    return (row) => row.key !== null && keys.has(row.key);
  }
  const { from, to } = plan;
  if (plan.kind !== 'window' || (from === null && to === null)) return () => true;
  return (row) => row.time !== null && (from === null || row.time >= from) && (to === null || row.time < to);
}
