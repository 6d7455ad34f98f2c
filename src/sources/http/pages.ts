import type { HttpSourceConfig } from '../../config/index.js';
import type { Json } from '../../contacts/index.js';
import type { ReadPlan, SourcePage, SourceRow } from '../contract.js';
import { Refused, type Answer, type Caller } from './call.js';
import { compilePaging, offsetOf } from './paging.js';
import { digest, positionOf, START, stored, type Position } from './position.js';
import { compileRequest, type Request } from './request.js';
import { boundOf } from './times.js';

/** Statuses by which an API says that it no longer knows a cursor. */
const STALE: ReadonlySet<number> = new Set([400, 404, 410, 422]);
const MOST_RESTARTS = 3;
/** How often a page that cannot be right is asked for again, in a row. */
const SECOND_LOOKS = 3;

export interface Pages {
  /** The request of the first page. Bounds are ISO microseconds. */
  first(from: string | null, to: string | null): Request;
  read(plan: ReadPlan, position: Json | null, signal: AbortSignal): AsyncGenerator<SourcePage>;
}

/** Reads an API's pages, one answer in memory at a time (two where pages are numbered). */
export function createPages(
  config: HttpSourceConfig,
  caller: Caller,
  itemsOf: (body: unknown) => readonly unknown[],
  rowOf: (item: unknown, place: string, now: number) => SourceRow,
): Pages {
  const request = compileRequest(config);
  const next = compilePaging(config);
  const { paging, params, sinceFormat, pageSize } = config;
  const firstPage = params.page?.first ?? 1;

  const requestAt = (from: string | null, to: string | null, position: Position): Request => {
    const { at } = position;
    const slots = {
      since: from === null ? null : boundOf(from, 'since', sinceFormat),
      until: to === null ? null : boundOf(to, 'until', sinceFormat),
      limit: params.limit?.count ?? null,
      cursor: paging === 'cursor' ? at : null,
      page: paging === 'page' ? Number(at ?? firstPage) : null,
      offset: paging === 'offset' ? offsetOf(position) : null,
    };
    return request(slots, (paging === 'url' || paging === 'link') && typeof at === 'string' ? new URL(at) : null);
  };

  async function* read(plan: ReadPlan, from: Json | null, signal: AbortSignal): AsyncGenerator<SourcePage> {
    const ask = (position: Position): Promise<Answer> => caller.call(requestAt(plan.from, plan.to, position), signal);
    let position = positionOf(from);
    let looks = 0;
    /** Keys of the page before, where pages are numbered. */
    let before = new Set<string | null>();
    for (;;) {
      let answer: Answer;
      try {
        answer = await ask(position);
      } catch (error) {
        // A cursor that was stored for long may have ended. Reading again repeats rows and misses none.
        if (!(error instanceof Refused) || !STALE.has(error.status) || position.at === null || position.restarts >= MOST_RESTARTS || paging === 'page' || paging === 'offset') throw error;
        position = { ...START, restarts: position.restarts + 1 };
        continue;
      }
      const items = itemsOf(answer.body);
      const rows = items.map((item, i) => rowOf(item, `page ${position.pages + 1}, record ${i + 1}`, answer.at));
      const isLater = (n: number): boolean => plan.to !== null && (rows[n]?.time ?? '') > plan.to;
      const following = next(answer, items, position, isLater);
      if (following.kind === 'again') {
        // A server's slip passes; what is wrong with the configuration stays.
        looks += 1;
        if (looks > SECOND_LOOKS) throw following.fault;
        continue;
      }
      looks = 0;
      if (paging === 'page' && !config.stablePages && typeof position.at === 'number' && position.at > firstPage) {
        // A record that left an earlier page moved those behind it up, from this page to the one before: see there.
        const again = await ask({ ...position, at: position.at - 1 });
        const moved = itemsOf(again.body).map((item, i) => rowOf(item, `page ${position.pages}, record ${i + 1}`, again.at));
        const seen = before;
        before = new Set(rows.map(({ key }) => key));
        rows.push(...moved.filter(({ key }) => !seen.has(key)));
      } else if (paging === 'page') {
        before = new Set(rows.map(({ key }) => key));
      }
      // A long answer is staged in parts. What was handed over of it is passed only where it still stands there.
      const { part } = position;
      let done = part !== null && digest(items.slice(0, part.done)) === part.mark ? part.done : 0;
      while (items.length - done > pageSize) {
        const some = rows.slice(done, done + pageSize);
        done += pageSize;
        yield { rows: some, position: stored({ ...position, part: { done, mark: digest(items.slice(0, done)) } }), last: false };
      }
      const rest = rows.slice(done);
      if (following.kind === 'end') {
        yield { rows: rest, position: stored(position), last: true };
        return;
      }
      position = { ...following.position, part: null };
      yield { rows: rest, position: stored(position), last: false };
    }
  }

  return { first: (from, to) => requestAt(from, to, START), read };
}
