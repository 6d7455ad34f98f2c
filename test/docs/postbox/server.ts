import Fastify from 'fastify';
import type { AddressInfo } from 'node:net';

interface Person {
  readonly id: string;
  readonly email: string | null;
  readonly news: boolean;
}

/** The platform of the worked example as a real server: what a sandbox is, in small. */
export interface PostboxServer {
  readonly baseUrl: string;
  readonly people: Map<string, Person>;
  /** What the next calls get: a status, or a connection that is cut after the call was stored. */
  next: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string } | 'cut' | 'miscount' | null;
  close(): Promise<void>;
}

const PAGE = 2;

export async function startPostbox(apiKey: string): Promise<PostboxServer> {
  const app = Fastify({ forceCloseConnections: true });
  const people = new Map<string, Person>();
  const server: PostboxServer = { baseUrl: '', people, next: null, close: () => app.close() };
  app.addHook('preHandler', async (request, reply) => {
    if (request.headers['x-api-key'] !== apiKey) return reply.code(401).send('wrong key');
    const { next } = server;
    if (next !== null && typeof next === 'object') return reply.code(next.status).headers(next.headers ?? {}).send(next.body ?? '');
    return undefined;
  });
  app.post('/people', async (request, reply) => {
    const sent = (request.body as { people: Person[] }).people;
    const rejected = sent.flatMap(({ email }, index) => (email?.startsWith('bad') === true ? [{ index, why: `${email} bounces` }] : []));
    const taken = sent.filter((_, index) => rejected.every((one) => one.index !== index));
    for (const person of taken) people.set(person.id, person);
    if (server.next === 'cut') {
      reply.hijack();
      request.raw.socket.destroy();
      return undefined;
    }
    return { taken: taken.length + (server.next === 'miscount' ? 1 : 0), rejected };
  });
  app.get('/people', (request) => {
    const { after } = request.query as { after: string };
    const rest = [...people.values()].filter(({ id }) => id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
    return { people: rest.slice(0, PAGE), next: rest.length > PAGE ? rest[PAGE - 1]?.id : null };
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return Object.assign(server, { baseUrl: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
}
