import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { faultsByPlatform } from './faults.js';
import type { PlantedContact, Platform } from './platform.js';
import { FaultsError } from './platform.js';

/** Contacts a chunk of the streamed state: few enough that nothing piles up, many enough to be quick. */
const CHUNK = 500;

/**
 * The routes under `/_control`, outside every platform's own paths. `?platform=` picks one; without it the first.
 * They ask for no credentials: the sandbox listens on the loopback address.
 */
export function addControl(app: FastifyInstance, platforms: readonly Platform[]): void {
  const with_ = (use: (platform: Platform, request: FastifyRequest, reply: FastifyReply) => unknown) => (request: FastifyRequest, reply: FastifyReply) => {
    const { platform: name } = request.query as { platform?: string };
    const platform = name === undefined ? platforms[0] : platforms.find((one) => one.name === name);
    if (platform === undefined) {
      return reply.code(404).send({ message: `no platform of that name; there are ${platforms.map((one) => one.name).join(', ')}` });
    }
    try {
      return use(platform, request, reply);
    } catch (error) {
      const message = error instanceof Error ? error.message : 'refused';
      return reply.code(error instanceof FaultsError ? 400 : 422).send({ message });
    }
  };

  app.get('/_control/state', with_((platform, request, reply) => {
    const asJson = (request.query as { format?: string }).format === 'json';
    return reply.type(asJson ? 'application/json' : 'application/x-ndjson').send(Readable.from(asJson ? arrayOf(platform) : linesOf(platform)));
  }));
  app.get('/_control/stats', with_((platform, request) => {
    const { window, log } = request.query as { window?: string; log?: string };
    const stats = platform.control.stats(window === undefined ? undefined : Number(window));
    return log === 'false' ? { ...stats, log: [] } : stats;
  }));
  app.post('/_control/faults', with_((named, request) => {
    // Faults in sections say themselves whose they are; those of platforms without a section stay.
    const sections = faultsByPlatform(request.body ?? { [named.name]: {} }, named.name);
    for (const platform of platforms) if (Object.hasOwn(sections, platform.name)) platform.control.setFaults(sections[platform.name]);
    return { ok: true };
  }));
  app.post('/_control/reset', with_((platform) => {
    platform.control.reset();
    return { ok: true };
  }));
  app.post('/_control/actions/:action', with_((platform, request, reply) => {
    const { action } = request.params as { action: string };
    const { actions = {} } = platform;
    if (Object.hasOwn(actions, action)) return actions[action]?.(request.body);
    return reply.code(404).send({ message: `no action of that name at ${platform.name}; there are ${Object.keys(actions).join(', ') || 'none'}` });
  }));
  app.post('/_control/contacts', with_((platform, request) => {
    const body = request.body as { contacts?: unknown };
    const contacts = Array.isArray(body) ? body : body.contacts;
    if (!Array.isArray(contacts)) throw new FaultsError('expected an array, or {"contacts": […]}');
    platform.control.plant(contacts as PlantedContact[]);
    return { planted: contacts.length };
  }));
}

function* linesOf(platform: Platform): Generator<string> {
  for (const chunk of chunks(platform)) yield chunk.join('\n') + '\n';
}

function* arrayOf(platform: Platform): Generator<string> {
  let before = '[';
  for (const chunk of chunks(platform)) {
    yield before + chunk.join(',\n');
    before = ',\n';
  }
  yield before === '[' ? '[]' : ']';
}

function* chunks(platform: Platform): Generator<string[]> {
  let chunk: string[] = [];
  for (const contact of platform.control.contacts()) {
    chunk.push(JSON.stringify(contact));
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
