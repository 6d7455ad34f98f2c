import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Connectors, wakeLane, type LiveConfig, type Orchestrator } from '../control/index.js';
import type { Destination, WebhookCall } from '../destinations/index.js';
import { noteWebhook, type Pool } from '../ledger/index.js';

/** A notice of one batch is a few hundred bytes; its ids may make it more. */
const BODY_LIMIT = 1024 * 1024;
/** Whoever calls hangs up sooner or later: better told to come again. Milliseconds. */
const PATIENCE_MS = 5_000;

export interface WebhookOptions {
  readonly pool: Pool;
  readonly config: LiveConfig;
  readonly temporal: Orchestrator;
}

/**
 * `POST /webhooks/NAME`, by the name of a destination: checks that the call is genuine, has the batch's result asked
 * for at once and wakes its lane. A webhook decides nothing, so one that comes twice or late is as welcome as the first.
 * 401 tells a stranger nothing more; 503 asks a genuine caller to come again.
 */
export function addWebhooks(app: FastifyInstance, { pool, config, temporal }: WebhookOptions): void {
  const connectors = new Connectors();
  app.addHook('onClose', () => connectors.close());
  void app.register((scope, _options, done) => {
    // The body goes on as it came, whatever it says it is: only the platform's connector can read it.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => { parsed(null, body); });
    scope.post<{ Params: { name: string } }>('/webhooks/:name', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
      const { name } = request.params;
      let destination: Destination | undefined;
      try {
        const { destinations } = config.current();
        const found = Object.hasOwn(destinations, name) ? destinations[name] : undefined;
        destination = found && connectors.destination(found);
      } catch {
        // The file was just changed into one that does not hold: whoever mends it gets the next try.
        return reply.code(503).send({ ok: false });
      }
      if (destination?.webhook === undefined) return reply.code(404).send({ ok: false });
      const told = destination.webhook(callOf(request));
      if (told === null) return reply.code(401).send({ ok: false });
      // No platform that tells of opt-outs is heard yet.
      if (told.kind === 'optOuts') return reply.send({ ok: true });
      const batch = Number(told.batch);
      // Signed by us and yet no batch of this ledger: nothing to be done, now or later.
      if (!Number.isSafeInteger(batch)) return reply.send({ ok: true });
      try {
        await soon(note(pool, temporal, name, batch, told.reference));
      } catch {
        return reply.code(503).send({ ok: false });
      }
      return reply.send({ ok: true });
    });
    done();
  });
}

async function note(pool: Pool, temporal: Orchestrator, destination: string, batch: number, reference: string | null): Promise<void> {
  const account = await noteWebhook(pool, destination, batch, reference);
  if (account !== null) await wakeLane(temporal, account);
}

/** Rejects when it takes too long; what was begun may still come to its end, which does no harm. */
async function soon(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error('a webhook was not noted in time: the ledger or Temporal does not answer')); }, PATIENCE_MS);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function callOf({ query, headers, body }: FastifyRequest): WebhookCall {
  return { query: firsts(query as Record<string, unknown>), headers: firsts(headers), body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) };
}

/** Of a name that is there twice the first counts. */
function firsts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const first = Object.entries(values).map(([name, value]): [string, unknown] => [name, Array.isArray(value) ? value[0] : value]);
  return Object.fromEntries(first.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
