import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { AddressInfo } from 'node:net';
import type { MailingCoreSourceConfig } from '../../../src/config/index.js';
import type { Timing } from '../../../src/sources/mailingcore/pace.js';

/** A contact as the platform shows it. */
export interface Shown {
  readonly id: string;
  readonly externalId?: string | null;
  readonly email?: string;
  readonly locale?: string | null;
  readonly optIn?: boolean;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly updatedAt?: string;
}

export interface Ways {
  paging: 'cursor' | 'page';
  /** Ascending puts a contact that changes at the end, descending at the front. */
  order: 'ascending' | 'descending';
  inclusive: boolean;
  /** Answers a call in its place; undefined lets it pass. */
  strike?: (call: number, request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;
  /** Changes an answer: the call's number, what it would be, what the call before got. */
  bend?: (call: number, body: object, before: object | null) => unknown;
  headers: Readonly<Record<string, string>>;
}

const KNOWN = new Set(['limit', 'page', 'cursor', 'updatedSince']);

/** A strict MailingCore of the test's own, to be read: what is not documented is refused. */
export async function startPlatform(more: Partial<Ways> = {}) {
  const contacts = new Map<string, Shown>();
  const ways: Ways = { paging: 'page', order: 'ascending', inclusive: true, headers: {}, ...more };
  const calls: string[] = [];
  let sorted: Shown[] | null = null;
  let before: object | null = null;
  const app = Fastify({ forceCloseConnections: true });
  app.addHook('onRequest', async (request, reply) => {
    calls.push(request.url);
    void reply.headers({ 'content-type': 'application/json', ...ways.headers });
    if (request.headers.authorization !== 'Bearer mc_test_hush' || request.headers['x-tenant-id'] !== 't1') return reply.code(401).send({ statusCode: 401, message: 'Unauthorized' });
    return ways.strike?.(calls.length, request, reply);
  });
  const keyed = (contact: Shown): string => `${contact.updatedAt ?? ''} ${contact.id}`;
  const all = (): Shown[] => {
    sorted ??= [...contacts.values()].sort((a, b) => (keyed(a) < keyed(b) ? -1 : 1) * (ways.order === 'ascending' ? 1 : -1));
    return sorted;
  };
  app.get('/contacts', (request, reply) => {
    const query = request.query as Record<string, string>;
    const limit = Number(query['limit'] ?? 50);
    const since = query['updatedSince'];
    if (Object.keys(query).some((name) => !KNOWN.has(name)) || !(limit >= 1 && limit <= 500) || (since !== undefined && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(since))) {
      return reply.code(400).send({ statusCode: 400, message: 'not a query of this platform' });
    }
    const list = since === undefined ? all() : all().filter(({ updatedAt }) => updatedAt === undefined || (ways.inclusive ? updatedAt >= since : updatedAt > since));
    const page = Number(query['page'] ?? 1);
    const cursor = query['cursor'] === undefined ? null : Buffer.from(query['cursor'], 'base64url').toString();
    if (cursor?.startsWith('old') === true) return reply.code(400).send({ statusCode: 400, message: 'cursor is not valid' });
    const behind = cursor === null ? -1 : list.findIndex((one) => (ways.order === 'ascending' ? keyed(one) > cursor : keyed(one) < cursor));
    const start = cursor === null ? (page - 1) * limit : behind === -1 ? list.length : behind;
    const data = list.slice(start, start + limit);
    const last = data.at(-1);
    const next = ways.paging === 'cursor' && last !== undefined && start + limit < list.length ? { nextCursor: Buffer.from(keyed(last)).toString('base64url') } : {};
    const body = { data, meta: { page, limit, total: list.length, totalPages: Math.ceil(list.length / limit), ...next } };
    const bent = ways.bend?.(calls.length, body, before) ?? body;
    before = limit === 1 ? before : body;
    return reply.send(bent);
  });
  app.get('/contacts/:key', (request, reply) => {
    const { key } = request.params as { key: string };
    const found = [...contacts.values()].find((one) => one.externalId === key) ?? contacts.get(key);
    return found === undefined ? reply.code(404).send({ statusCode: 404, message: 'Contact not found' }) : reply.send(found);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const baseUrl = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return {
    baseUrl, ways, calls,
    put: (some: readonly Shown[]): void => {
      for (const one of some) contacts.set(one.id, one);
      sorted = null;
    },
    remove: (ids: readonly string[]): void => {
      for (const id of ids) contacts.delete(id);
      sorted = null;
    },
    clear: (): void => {
      contacts.clear();
      sorted = null;
      before = null;
    },
    close: () => app.close(),
  };
}

export type TestPlatform = Awaited<ReturnType<typeof startPlatform>>;

export function configOf(baseUrl: string, more: Partial<MailingCoreSourceConfig> = {}): MailingCoreSourceConfig {
  return {
    type: 'mailingcore', name: 'list', baseUrl, apiKey: 'mc_test_hush', tenantId: 't1', key: 'externalId', updatedAt: 'updatedAt', overlap: 120_000,
    fields: {}, pageSize: 500, limits: { calls: 300, per: 60_000 }, timeout: 5_000, ...more,
  };
}

/** Clocks on which waits take no time, and which remember them. */
export function quick(): Timing & { readonly waits: number[] } {
  const waits: number[] = [];
  let ticks = 0;
  return {
    waits,
    now: Date.now,
    ticks: () => ticks,
    wait: (ms, signal) => {
      signal.throwIfAborted();
      waits.push(ms);
      ticks += ms;
      return Promise.resolve();
    },
  };
}
