import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { PipedriveSourceConfig } from '../../../src/config/index.js';

/** One person as the server keeps it; its time is whole seconds, ISO with `Z`. */
export interface Kept {
  readonly id: number;
  readonly time: string;
  readonly [member: string]: unknown;
}

export type Strike = (call: number, request: FastifyRequest, reply: FastifyReply) => unknown;

/** How the server behaves; changed by tests while it runs. */
export interface Ways {
  strike?: Strike;
  bend?: (call: number, body: object, before: object | null) => object;
  /** Tokens of the day; a list costs 20. */
  budget?: number;
  /** What a marker means is unknown: it may count rows, so that a change in between moves them, or name the next one. */
  marker: 'offset' | 'next';
  /** Gives every list by id, whatever was asked for. */
  ignoresSort?: boolean;
}

const TOKEN = 'pipe-hush';

/** Pipedrive's persons, as strict as its documentation. */
export async function startPipedrive() {
  const persons = new Map<number, Kept>();
  const ways: Ways = { marker: 'offset' };
  const queries: Record<string, string>[] = [];
  /** Markers that are known. */
  const given = new Set<string>();
  let calls = 0;
  let before: object | null = null;
  const app = Fastify();
  const refuse = (reply: FastifyReply, status: number, error: string) => reply.code(status).send({ success: false, error, code: `ERR_${status}` });

  app.addHook('onRequest', async (request, reply) => {
    if (request.headers['x-api-token'] !== TOKEN) return refuse(reply, 401, 'unauthorized access');
    calls++;
    return ways.strike?.(calls, request, reply);
  });

  app.get('/api/v2/persons', async (request, reply) => {
    const query = request.query as Record<string, string>;
    queries.push(query);
    if (ways.budget !== undefined && (ways.budget -= 20) < 0) return refuse(reply, 429, 'daily API token budget exceeded');
    const { limit = '100', cursor, updated_since: since, updated_until: until, sort_by: sort = 'id', ids } = query;
    const known = ['limit', 'cursor', 'updated_since', 'updated_until', 'sort_by', 'sort_direction', 'ids', 'include_fields', 'custom_fields'];
    if (Object.keys(query).some((name) => !known.includes(name))) return refuse(reply, 400, 'unknown parameter');
    if (Number(limit) > 500 || (ids ?? '').split(',').length > 100) return refuse(reply, 400, 'too many');
    const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
    if ([since, until].some((time) => time !== undefined && !rfc3339.test(time))) return refuse(reply, 400, 'a time that is not RFC 3339');
    if (cursor !== undefined && !given.has(cursor)) return refuse(reply, 400, 'invalid cursor');
    const wanted = ids === undefined ? null : new Set(ids.split(',').map(Number));
    const found = [...persons.values()].filter(({ id, time }) =>
      (since === undefined || time >= since) && (until === undefined || time < until) && (wanted === null || wanted.has(id)));
    const byTime = sort === 'update_time' && !ways.ignoresSort;
    found.sort((a, b) => (byTime && a.time !== b.time ? (a.time < b.time ? -1 : 1) : a.id - b.id));
    const start = cursor === undefined ? 0 : startAt(cursor, found);
    const end = start + Number(limit);
    const next = end < found.length ? Buffer.from(JSON.stringify(ways.marker === 'offset' ? { offset: end } : { next: found[end]!.id })).toString('base64url') : null;
    if (next !== null) given.add(next);
    const data = found.slice(start, end).map(({ time, ...person }) => ({
      first_name: null, last_name: null, emails: [], phones: [], is_deleted: false, custom_fields: {}, ...person, update_time: time,
    }));
    const body = { success: true, data, additional_data: { next_cursor: next } };
    const bent = ways.bend?.(calls, body, before) ?? body;
    before = body;
    return bent;
  });

  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  return {
    baseUrl: `http://127.0.0.1:${port}`, ways, persons, queries, given,
    put: (...kept: readonly Kept[]): void => { for (const one of kept) persons.set(one.id, one); },
    close: async (): Promise<void> => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function startAt(cursor: string, found: readonly Kept[]): number {
  const { offset, next } = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as { offset?: number; next?: number };
  if (offset !== undefined) return offset;
  const at = found.findIndex(({ id }) => id === next);
  // Where the named one is gone, so is everything behind it.
  return at < 0 ? found.length : at;
}

export const configOf = (baseUrl: string, more: Partial<PipedriveSourceConfig> = {}): PipedriveSourceConfig => ({
  type: 'pipedrive', name: 'crm', baseUrl, apiToken: TOKEN, key: 'id', updatedAt: 'update_time', overlap: 120_000, fields: {}, pageSize: 500, timeout: 10_000, ...more,
});

/** No pauses: what is waited for is only asserted. */
export const quick = (waits: number[] = []) => ({ gap: 0, wait: (ms: number) => { waits.push(ms); return Promise.resolve(); } });
