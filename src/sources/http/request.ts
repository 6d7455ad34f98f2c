import type { HttpSourceConfig } from '../../config/index.js';
import { isRecord } from '../api/index.js';

/** What a request is filled with; null is left out. */
export interface Slots {
  readonly since?: string | number | null;
  readonly until?: string | number | null;
  readonly limit?: number | null;
  readonly cursor?: string | number | null;
  readonly page?: number | null;
  readonly offset?: number | null;
}

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly body: string | null;
}

const SLOT = /\{(since|until|limit|cursor|page|offset)\}/g;
const ALONE = /^\{(since|until|limit|cursor|page|offset)\}$/;

/** The template with its slots filled; undefined where it is a slot without a value, which is then left out. */
function fill(template: unknown, slots: Slots): unknown {
  if (typeof template === 'string') {
    const alone = ALONE.exec(template)?.[1] as keyof Slots | undefined;
    if (alone !== undefined) return slots[alone] ?? undefined;
    return template.replace(SLOT, (_, name: keyof Slots) => String(slots[name] ?? ''));
  }
  if (Array.isArray(template)) return template.map((one) => fill(one, slots)).filter((one) => one !== undefined);
  return isRecord(template) ? Object.fromEntries(Object.entries(template).map(([name, one]) => [name, fill(one, slots)])) : template;
}

/** Compiles a configuration's requests. `next`, an address an answer gave, stands in for the URL and its parameters. */
export function compileRequest(config: HttpSourceConfig): (slots: Slots, next: URL | null) => Request {
  const { params, method, body } = config;
  const template = JSON.stringify(body ?? null);
  const names: readonly (readonly [keyof Slots, string | undefined])[] = [
    ['since', params.since], ['until', params.until], ['limit', params.limit?.name], ['cursor', params.cursor], ['page', params.page?.name], ['offset', params.offset],
  ];
  const inQuery = names.filter(([slot]) => !template.includes(`{${slot}}`));
  return (slots, next) => {
    const url = new URL(next ?? config.url);
    if (next === null) {
      for (const [slot, name] of inQuery) {
        const value = slots[slot];
        if (name !== undefined && value !== null && value !== undefined) url.searchParams.set(name, String(value));
      }
    }
    return { method, url, body: method === 'POST' ? JSON.stringify(fill(body ?? {}, slots)) : null };
  };
}
