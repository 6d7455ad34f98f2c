import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { HubspotSourceConfig } from '../../../src/config/index.js';

/** One contact as the server keeps it; `time` and `archivedAt` are milliseconds since 1970. */
export interface Kept {
  readonly id: number;
  readonly time: number;
  readonly properties: Readonly<Record<string, string | null>>;
  /** Milliseconds since 1970 from which searches find it; absent: at once. */
  readonly indexedAt?: number;
  readonly archivedAt?: number;
}

export type Strike = (call: number, request: FastifyRequest, reply: FastifyReply) => unknown;

/** How the server behaves; changed by tests while it runs. */
export interface Ways {
  strike?: Strike;
  bend?: (call: number, body: object, before: object | null) => object;
  /** Calls in any second, as HubSpot counts searches. */
  perSecond?: number;
  /** Properties of the account. */
  properties: string[];
  /** Without the scope that shows properties. */
  blindToProperties?: boolean;
  now: () => number;
}

const TOKEN = 'pat-eu1-hush';
const MOST_RESULTS = 10_000;

interface SearchBody {
  readonly filterGroups?: { filters: { propertyName: string; operator: string; value: string }[] }[];
  readonly sorts?: { propertyName: string; direction: string }[];
  readonly properties?: string[];
  readonly limit?: number;
  readonly after?: string;
}

/** HubSpot's contacts, as strict as its documentation. */
export async function startHubspot() {
  const contacts = new Map<number, Kept>();
  const ways: Ways = { properties: ['hs_object_id', 'lastmodifieddate', 'email', 'firstname', 'phone', 'mobilephone', 'external_id'], now: Date.now };
  const searches: SearchBody[] = [];
  const paths: string[] = [];
  const starts: number[] = [];
  let calls = 0;
  let before: object | null = null;
  const app = Fastify();
  const refuse = (reply: FastifyReply, status: number, message: string, more: object = {}) => reply.code(status).send({ status: 'error', message, ...more });

  app.addHook('onRequest', async (request, reply) => {
    paths.push(`${request.method} ${request.url.split('?')[0]}`);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(reply, 401, 'Authentication credentials not found');
    const at = performance.now();
    starts.push(at);
    if (ways.perSecond !== undefined && starts.filter((start) => start > at - 1000).length > ways.perSecond) {
      return refuse(reply, 429, 'You have reached your secondly limit.', { errorType: 'RATE_LIMIT', policyName: 'SECONDLY' });
    }
    calls++;
    return ways.strike?.(calls, request, reply);
  });
  const answer = (body: object): object => {
    const bent = ways.bend?.(calls, body, before) ?? body;
    before = body;
    return bent;
  };
  const shown = ({ id, time, properties, archivedAt }: Kept, wanted: readonly string[]): object => {
    const all: Record<string, string | null> = { ...properties, hs_object_id: String(id), lastmodifieddate: new Date(time).toISOString() };
    return {
      id: String(id), archived: archivedAt !== undefined, updatedAt: new Date(time).toISOString(),
      ...(archivedAt !== undefined && { archivedAt: new Date(archivedAt).toISOString() }),
      // Properties that do not exist are left out without a word.
      properties: Object.fromEntries(wanted.filter((name) => ways.properties.includes(name)).map((name) => [name, all[name] ?? null])),
    };
  };

  app.get('/crm/v3/properties/contacts', async (_request, reply) =>
    ways.blindToProperties ? refuse(reply, 403, 'This app hasn\'t been granted all required scopes') : { results: ways.properties.map((name) => ({ name })) });

  app.post('/crm/v3/objects/contacts/search', async (request, reply) => {
    const body = request.body as SearchBody;
    searches.push(body);
    const { limit = 10, after = '0', sorts = [], filterGroups = [] } = body;
    if (limit > 200) return refuse(reply, 400, 'limit must be at most 200');
    if (Number(after) + limit > MOST_RESULTS) return refuse(reply, 400, 'ten thousand results a query');
    if (sorts.length !== 1 || filterGroups.some(({ filters }) => filters.length > 6)) return refuse(reply, 400, 'one sort, six filters');
    const now = ways.now();
    const tests = (filterGroups[0]?.filters ?? []).map(({ propertyName, operator, value }) => {
      if (!/^\d+$/.test(value)) throw new Error('a value that is no number');
      const bound = Number(value);
      const compare: Record<string, (a: number) => boolean> = { GTE: (a) => a >= bound, LTE: (a) => a <= bound, LT: (a) => a < bound, GT: (a) => a > bound };
      const test = compare[operator]!;
      return (kept: Kept) => test(propertyName === 'hs_object_id' ? kept.id : kept.time);
    });
    const found = [...contacts.values()].filter((kept) => kept.archivedAt === undefined && (kept.indexedAt ?? 0) <= now && tests.every((test) => test(kept)));
    if (sorts[0]!.propertyName === 'hs_object_id') found.sort((a, b) => a.id - b.id);
    const end = Number(after) + limit;
    return answer({
      total: found.length,
      results: found.slice(Number(after), end).map((kept) => shown(kept, body.properties ?? [])),
      ...(end < found.length && { paging: { next: { after: String(end) } } }),
    });
  });

  app.get('/crm/v3/objects/contacts', async (request, reply) => {
    const { archived, limit, after = '0', properties = '' } = request.query as Record<string, string | undefined>;
    if (archived !== 'true' || Number(limit) > 100) return refuse(reply, 400, 'limit must be at most 100');
    const found = [...contacts.values()].filter((kept) => kept.archivedAt !== undefined).sort((a, b) => a.id - b.id);
    const end = Number(after) + Number(limit);
    return { results: found.slice(Number(after), end).map((kept) => shown(kept, properties.split(','))), ...(end < found.length && { paging: { next: { after: String(end) } } }) };
  });

  app.post('/crm/v3/objects/contacts/batch/read', async (request, reply) => {
    const { inputs, properties, idProperty } = request.body as { inputs: { id: string }[]; properties: string[]; idProperty?: string };
    if (inputs.length > 100) return refuse(reply, 400, 'at most 100 inputs');
    if (idProperty === undefined && inputs.some(({ id }) => !/^\d+$/.test(id))) return refuse(reply, 400, 'an id that is no number');
    const wanted = new Set(inputs.map(({ id }) => id));
    const results = [...contacts.values()].filter((kept) => kept.archivedAt === undefined && wanted.has(String(idProperty === undefined ? kept.id : kept.properties[idProperty])));
    return reply.code(results.length < inputs.length ? 207 : 200).send({ status: 'COMPLETE', results: results.map((kept) => shown(kept, properties)) });
  });

  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  return {
    baseUrl: `http://127.0.0.1:${port}`, ways, contacts, searches, paths,
    put: (...kept: readonly Kept[]): void => { for (const one of kept) contacts.set(one.id, one); },
    close: async (): Promise<void> => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

export const configOf = (baseUrl: string, more: Partial<HubspotSourceConfig> = {}): HubspotSourceConfig => ({
  type: 'hubspot', name: 'crm', baseUrl, accessToken: TOKEN, key: 'hs_object_id', updatedAt: 'lastmodifieddate', overlap: 600_000,
  fields: {}, pageSize: 200, timeout: 10_000, ...more,
});

/** No pauses: what is waited for is only asserted. */
export const quick = (waits: number[] = []) => ({ gap: 0, wait: (ms: number) => { waits.push(ms); return Promise.resolve(); } });
