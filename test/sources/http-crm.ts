import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { HttpPaging } from '../../src/config/index.js';
import type { Row, Trouble } from '../contract/source-rigs/rig.js';

export const TOKEN = 'crm-token-hush';
/** Records an answer holds at most, whatever is asked for. */
export const CAP = 500;

/** A CRM with a JSON API: `GET /api/contacts?updatedSince&limit`, oldest change first, strict about what it is asked. */
export interface HttpCrm {
  readonly url: string;
  readonly rows: Map<string, Row>;
  trouble: Trouble | null;
  /** Queries that were answered or refused, in order. */
  readonly asked: Record<string, string>[];
  close(): Promise<void>;
}

const PARAMS: Readonly<Record<HttpPaging, readonly string[]>> = { cursor: ['cursor'], url: ['cursor'], link: ['cursor'], page: ['page'], offset: ['offset'], none: [] };

export async function httpCrm(paging: HttpPaging): Promise<HttpCrm> {
  const app = Fastify({ forceCloseConnections: true });
  const asked: Record<string, string>[] = [];
  const rows = new Map<string, Row>();
  let calls = 0;
  let previous: { readonly body: unknown; readonly link: string | null } | null = null;
  /** Pages put out of order, by the first call of a reading. */
  let shuffled: Row[][] = [];
  const crm: HttpCrm = { url: '', rows, trouble: null, asked, close: () => app.close() };

  const list = (request: FastifyRequest, reply: FastifyReply): unknown => {
    const query = request.query as Record<string, string>;
    asked.push(query);
    calls += 1;
    if (request.headers.authorization !== `Bearer ${TOKEN}` || crm.trouble === 'refused') return reply.code(401).send({ message: `${request.headers.authorization ?? 'nothing'} is not known here` });
    const unknown = Object.keys(query).filter((name) => !['updatedSince', 'limit', ...PARAMS[paging]].includes(name));
    if (unknown.length > 0) return reply.code(400).send({ message: `unknown parameter ${unknown.join()}` });
    const { updatedSince: since, limit = '100' } = query;
    if (since !== undefined && Number.isNaN(Date.parse(since))) return reply.code(400).send({ message: 'updatedSince is no time' });
    const struck = calls % 3 === 2;
    if (crm.trouble === 'down' || (crm.trouble === 'serverError' && struck)) return reply.code(500).send('<html>oops</html>');
    if (crm.trouble === 'throttled' && struck) return reply.code(429).header('retry-after', '1').send({});
    if (crm.trouble === 'rubbish' || (crm.trouble === 'brokenJson' && struck)) return reply.type('application/json').send('{"data": [{"id": "k1", "first": "name 3');
    if (crm.trouble === 'cut' && struck) {
      request.raw.socket.destroy();
      return reply.hijack();
    }
    if (crm.trouble === 'repeatedPages' && struck && previous !== null) return (previous.link === null ? reply : reply.header('link', previous.link)).send(previous.body);

    const size = Math.min(Number(limit), CAP);
    const from = since === undefined ? '' : new Date(since).toISOString().replace('Z', '000Z');
    const found = [...rows.values()].filter(({ time }) => time >= from).sort((a, b) => (a.time < b.time || (a.time === b.time && a.key < b.key) ? -1 : 1));
    const records = (some: readonly Row[]): unknown[] => some.map(({ key, time, name }) => ({ id: key, profile: { names: [name] }, updated: time }));
    const answer = (some: readonly Row[], cursor: string | null, meta: object = {}): unknown => {
      // By the name it was called by, as a server behind a proxy does.
      const next = new URL(request.url, `http://${request.headers.host ?? ''}`);
      if (cursor !== null) next.searchParams.set('cursor', cursor);
      const link = paging === 'link' && cursor !== null ? `<${crm.url}>; rel="first", <${next.pathname}${next.search}>; title="a, b"; rel="next"` : null;
      if (link !== null) void reply.header('link', link);
      const body = { data: records(some), meta: { ...(paging === 'cursor' && { next: cursor }), ...(paging === 'url' && { next: cursor === null ? null : next.href }), total: found.length, ...meta } };
      previous = { body, link };
      return body;
    };
    if (paging === 'page') {
      const page = Number(query['page'] ?? 1);
      return answer(found.slice((page - 1) * size, page * size), null, { page, pages: Math.ceil(found.length / size) });
    }
    if (paging === 'offset') return answer(found.slice(Number(query['offset'] ?? 0), Number(query['offset'] ?? 0) + size), null);
    if (crm.trouble === 'reorderedPages') {
      const at = Number(query['cursor'] ?? 0);
      if (at === 0) {
        shuffled = [];
        for (let i = 0; i < found.length; i += size) shuffled.splice(i % 2 === 0 ? shuffled.length : 0, 0, found.slice(i, i + size).reverse());
        shuffled.reverse();
      }
      return answer(shuffled[at] ?? [], at + 1 < shuffled.length ? String(at + 1) : null);
    }
    const after = query['cursor'] === undefined ? null : (JSON.parse(Buffer.from(query['cursor'], 'base64url').toString()) as [string, string]);
    const rest = after === null ? found : found.filter(({ time, key }) => time > after[0] || (time === after[0] && key > after[1]));
    const page = rest.slice(0, size);
    const last = page.at(-1);
    return answer(page, rest.length > size && last !== undefined ? Buffer.from(JSON.stringify([last.time, last.key])).toString('base64url') : null);
  };
  app.get('/api/contacts', list);
  app.get('/api/contacts/:key', (request, reply) => {
    const row = rows.get((request.params as { key: string }).key);
    return row === undefined ? reply.code(404).send({ message: 'not found' }) : { data: { id: row.key, profile: { names: [row.name] }, updated: row.time } };
  });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  return Object.assign(crm, { url: `${address}/api/contacts` });
}
