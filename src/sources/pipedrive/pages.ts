import { chosenKeys, RefusedError, wholeSecond, type Api } from '../api/index.js';
import { SourceError, type ReadPlan, type SourcePage } from '../contract.js';
import { ID, timeOf, type rowReader } from './persons.js';

/** Where reading goes on. */
export interface Position {
  /** Persons changed at this time or later; null: all. */
  readonly since: string | null;
  /** The platform's marker within what `since` gives; null: from its start. In chosen reads: how many keys are done. */
  readonly cursor: string | null;
  /** True as long as persons came in the order of their times. */
  readonly sorted: boolean;
  readonly done: boolean;
}

export interface Reading {
  readonly api: Api;
  readonly plan: ReadPlan;
  /** Parameters of every call. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly row: ReturnType<typeof rowReader>;
  readonly pageSize: number;
  readonly signal: AbortSignal;
}

export const PERSONS = '/api/v2/persons';
/** doc: ids a call. */
const MOST_IDS = 100;
/** How often a page that does not go on is asked for again. */
const STUCK = 5;

/** doc: parameters are RFC 3339, and the platform's times whole seconds. */
const parameterOf = (time: string): string => `${time.slice(0, 19)}Z`;

export function startOf({ kind, from }: ReadPlan): Position {
  return { since: from === null ? null : wholeSecond(from, kind === 'window' ? 'up' : 'down'), cursor: null, sorted: true, done: false };
}

/**
 * Reads a plan from a position on. While persons come by time, each page begins at the time of the last person of the
 * page before (and repeats those of that second), so that a change in between moves nobody out of sight whatever the
 * platform's marker means (unknown); the marker is used where one second fills more than a page, and for good where
 * persons come in another order.
 */
export async function* readPages(reading: Reading, from: Position): AsyncGenerator<SourcePage> {
  const step = reading.plan.kind === 'only' ? chosen : changed;
  let at = from;
  let restarted = false;
  let stuck = 0;
  do {
    let read: Step;
    try {
      read = await step(reading, at);
    } catch (error) {
      // unknown: how long a marker is good for. After a long pause its part is read again; a second refusal is meant.
      const stale = error instanceof RefusedError && error.status === 400 && at.cursor !== null && reading.plan.kind !== 'only';
      if (!stale || restarted) throw error;
      restarted = true;
      at = { ...at, cursor: null };
      continue;
    }
    const { persons, next } = read;
    stuck = !next.done && next.cursor === at.cursor && next.since === at.since && next.sorted === at.sorted ? stuck + 1 : 0;
    if (stuck >= STUCK) throw new SourceError('unreachable', `${reading.api.place} answers the same page again and again`, 'the run waits and tries again by itself');
    yield { rows: persons.map(reading.row), position: { ...next }, last: next.done };
    at = next;
  } while (!at.done);
}

interface Step {
  readonly persons: readonly unknown[];
  readonly next: Position;
}

async function changed({ api, plan, parameters, pageSize, signal }: Reading, at: Position): Promise<Step> {
  if (at.done) return { persons: [], next: at };
  const query = new URLSearchParams({
    ...parameters, limit: String(pageSize), sort_by: 'update_time', sort_direction: 'asc',
    ...(at.since !== null && { updated_since: parameterOf(at.since) }),
    // doc: only what is earlier than this.
    ...(plan.to !== null && { updated_until: parameterOf(wholeSecond(plan.to, 'up')) }),
    ...(at.cursor !== null && { cursor: at.cursor }),
  });
  const { body } = await api.call('GET', `${PERSONS}?${query.toString()}`, null, signal);
  const persons = personsOf(body, api);
  const cursor = (body['additional_data'] as { next_cursor?: unknown } | null | undefined)?.next_cursor;
  if (typeof cursor !== 'string' || cursor === '') return { persons, next: { ...at, cursor: null, done: true } };
  if (!at.sorted) return { persons, next: { ...at, cursor } };
  const times = persons.map(timeOf);
  const sorted = times.every((time, i) => time !== null && time >= (times[i - 1] ?? at.since ?? ''));
  const start = startOf(plan);
  // Whoever was passed over for the sake of an order that is none is among those of a new start.
  if (!sorted) return { persons, next: at.since === start.since ? { ...at, cursor, sorted } : { ...start, sorted } };
  const last = times.at(-1) ?? null;
  const onwards = last !== null && (at.since === null || last > at.since);
  return { persons, next: onwards ? { ...at, since: wholeSecond(last, 'down'), cursor: null } : { ...at, cursor } };
}

async function chosen({ api, plan, parameters, signal }: Reading, at: Position): Promise<Step> {
  if (at.done) return { persons: [], next: at };
  const start = Number(at.cursor ?? 0);
  const keys = chosenKeys(plan);
  const ids = keys.slice(start, start + MOST_IDS).filter((key) => /^\d{1,19}$/.test(key));
  const query = new URLSearchParams({ ...parameters, limit: String(MOST_IDS), [`${ID}s`]: ids.join(',') });
  const persons = ids.length === 0 ? [] : personsOf((await api.call('GET', `${PERSONS}?${query.toString()}`, null, signal)).body, api);
  const end = start + MOST_IDS;
  return { persons, next: { ...at, cursor: String(end), done: end >= keys.length } };
}

/** seen: a refusal can come with status 200 and success false. */
export function personsOf(body: Readonly<Record<string, unknown>>, api: Api): readonly unknown[] {
  const { success, data } = body;
  if (success !== false && data === null) return [];
  if (success === false || !Array.isArray(data)) throw new SourceError('unreachable', `${api.place}: an answer without persons`, 'the run waits and tries again by itself');
  return data;
}
