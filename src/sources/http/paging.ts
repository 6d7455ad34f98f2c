import type { HttpSourceConfig } from '../../config/index.js';
import { compilePath } from '../api/index.js';
import { SourceError } from '../contract.js';
import type { Answer } from './call.js';
import { digest, step, type Position } from './position.js';

/** What follows a page: a further one; the same again, for it cannot be right; or nothing. */
export type Next = { readonly kind: 'page'; readonly position: Position } | { readonly kind: 'again'; readonly fault: SourceError } | { readonly kind: 'end' };

/**
 * Finds the next page. `items` are the records of `answer`, which was asked for at `position`; `isLater` tells whether
 * the n-th of them changed after the run's bound, and is thus the next run's in any case.
 */
export type Paging = (answer: Answer, items: readonly unknown[], position: Position, isLater: (n: number) => boolean) => Next;

/** Records by which a page counted by offset is joined to the one before it, at most. */
const TAIL = 20;
const END: Next = { kind: 'end' };
const isEnd = (value: unknown): boolean => value === undefined || value === null || value === '' || value === false;

/** Compiles how a configuration leads from page to page. */
export function compilePaging(config: HttpSourceConfig): Paging {
  const fault = (words: string, hint: string): SourceError => new SourceError('misconfigured', `source ${config.name}: ${words}`, hint);

  const follow = (next: string | number, position: Position): Next => {
    const search = position.at === next ? null : step(position, next);
    const loop = fault('the next page is one that was read before: the pages go round in circles', 'check nextCursor (or nextUrl) and the parameter of the cursor');
    return search === null ? { kind: 'again', fault: loop } : { kind: 'page', position: { ...position, ...search, at: next, pages: position.pages + 1 } };
  };

  /** An address of the same place only: the credentials go with it. */
  const address = (found: string): string => {
    const here = new URL(config.url);
    if (!URL.canParse(found, here.href)) throw fault('the address of the next page is none', 'check nextUrl');
    const next = new URL(found, here.href);
    // Behind a proxy that ends TLS, an API often takes itself for one without.
    if (here.protocol === 'https:' && next.protocol === 'http:' && next.hostname === here.hostname && next.port === '') next.protocol = 'https:';
    if (next.origin !== here.origin) throw fault(`the next page is at ${next.host}, another place than ${here.host}: it would be given the credentials`, 'name that place in url, or ask the API for its pages another way');
    return next.href;
  };

  switch (config.paging) {
    case 'cursor': {
      const read = compilePath(config.nextCursor ?? '');
      return ({ body }, _items, position) => {
        const cursor = read(body);
        if (isEnd(cursor)) return END;
        if (typeof cursor === 'string' || typeof cursor === 'number') return follow(cursor, position);
        throw fault(`nextCursor ${config.nextCursor ?? ''} is neither text nor a number`, 'check nextCursor');
      };
    }
    case 'url': {
      const read = compilePath(config.nextUrl ?? '');
      return ({ body }, _items, position) => {
        const found = read(body);
        if (isEnd(found)) return END;
        if (typeof found === 'string') return follow(address(found), position);
        throw fault(`nextUrl ${config.nextUrl ?? ''} is no text`, 'check nextUrl');
      };
    }
    case 'link':
      return ({ headers }, _items, position) => {
        const found = nextLink(headers['link'] ?? '');
        return found === null ? END : follow(address(found), position);
      };
    case 'page':
      return byPage(config, fault);
    case 'offset':
      return byOffset(config, fault);
    case 'none':
      return (_answer, items) => {
        const asked = config.params.limit?.count;
        if (asked === undefined || items.length < asked) return END;
        throw fault(`an answer is full (${items.length} records) and no way to the next page is configured`, 'set nextCursor, nextUrl, linkHeader, params.page or params.offset, as the API documents it');
      };
  }
}

type Fault = (words: string, hint: string) => SourceError;

function byPage(config: HttpSourceConfig, fault: Fault): Paging {
  const first = config.params.page?.first ?? 1;
  const own = compilePath(config.page ?? '');
  const total = compilePath(config.totalPages ?? '');
  return ({ body }, items, position) => {
    const page = typeof position.at === 'number' ? position.at : first;
    const hint = `check params.page (now ${config.params.page?.name ?? 'page'}): the API does not seem to know that parameter`;
    const said = config.page === undefined ? undefined : own(body);
    if (typeof said === 'number' && said !== page) return { kind: 'again', fault: fault(`page ${page} was asked for and page ${said} came`, hint) };
    const whole = digest(items);
    if (items.length > 0 && position.tail[0] === whole) return { kind: 'again', fault: fault(`page ${page} holds the same as the page before it`, hint) };
    const pages = config.totalPages === undefined ? null : Number(total(body));
    if (pages !== null && !Number.isFinite(pages)) throw fault(`totalPages ${config.totalPages ?? ''} is no number`, 'check totalPages');
    // A page that is not full says nothing: an API may give fewer than were asked for.
    const ended = pages === null ? items.length === 0 : page - first + 1 >= pages;
    return ended ? END : { kind: 'page', position: { ...position, at: page + 1, pages: position.pages + 1, tail: [whole] } };
  };
}

/**
 * Each page is asked for a few records early. Where one of those that were read last stands there unchanged, what
 * follows it is what follows; where none does, records moved, and the page is asked for further back.
 */
function byOffset(config: HttpSourceConfig, fault: Fault): Paging {
  return (_answer, items, position, isLater) => {
    const asked = offsetOf(position);
    const marks = items.map(digest);
    const known = marks.reduce((last, mark, i) => (position.tail.includes(mark) ? i : last), -1);
    if (position.tail.length > 0 && asked > 0 && known < 0) {
      if (position.restarts >= 50) throw new SourceError('unreachable', `source ${config.name}: the records move faster than they can be read`, 'page by a cursor if the API can');
      const back = Math.max(position.back * 2, config.params.limit?.count ?? 100);
      return { kind: 'page', position: { ...position, back, restarts: position.restarts + 1 } };
    }
    if (items.length === 0 || (known === items.length - 1 && items.length <= position.tail.length)) return END;
    // Where records change all the time, the end would run ahead of its reader for ever.
    if (items.length < position.full && marks.every((mark, n) => isLater(n) || position.tail.includes(mark))) return END;
    if (known === items.length - 1 && asked > 0 && position.mark === digest(marks)) {
      return { kind: 'again', fault: fault('the next page holds the same as the page before it', `check params.offset (now ${config.params.offset ?? 'offset'}): the API does not seem to know that parameter`) };
    }
    const tail = marks.slice(-Math.min(TAIL, Math.floor(marks.length / 2)));
    return { kind: 'page', position: { ...position, at: asked + items.length, pages: position.pages + 1, mark: digest(marks), tail: marks.length < 2 ? [] : tail, back: 0, full: Math.max(position.full, items.length) } };
  };
}

/** The offset to ask for at a position: where reading goes on, less what is read again to be sure. */
export function offsetOf(position: Position): number {
  return typeof position.at === 'number' ? Math.max(0, position.at - position.tail.length - position.back) : 0;
}

/** The target of `rel=next` in a Link header; null where there is none. doc: RFC 8288. */
export function nextLink(header: string): string | null {
  for (const [, target = '', parameters = ''] of header.matchAll(/<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"[^"]*"|[^\s";,]+))?)*)/g)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))/i.exec(parameters);
    if ((relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return null;
}
