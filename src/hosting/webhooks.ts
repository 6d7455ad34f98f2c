import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DestinationConfig } from '../config/index.js';
import { Connectors, wakeLane, type LiveConfig, type Orchestrator } from '../control/index.js';
import type { Destination, WebhookCall, WebhookNews } from '../destinations/index.js';
import { learnOptOuts, noteWebhook, type Pool } from '../ledger/index.js';

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
 * `POST /webhooks/NAME`, by the name of a destination: checks that the call is genuine. News of a batch has its result
 * asked for at once; it decides nothing, so one that comes twice or late is as welcome as the first. People who opted out
 * are stored before the answer. Either wakes the lanes concerned.
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
      let found: DestinationConfig | undefined;
      let destination: Destination | undefined;
      try {
        const { destinations } = config.current();
        found = Object.hasOwn(destinations, name) ? destinations[name] : undefined;
        destination = found && connectors.destination(found);
      } catch {
        // The file was just changed into one that does not hold: whoever mends it gets the next try.
        return reply.code(503).send({ ok: false });
      }
      if (found === undefined || destination?.webhook === undefined) return reply.code(404).send({ ok: false });
      const told = destination.webhook(callOf(request));
      if (told === null) return reply.code(401).send({ ok: false });
      try {
        await soon(told.kind === 'batch' ? note(pool, temporal, name, told) : learn(pool, temporal, found, told));
      } catch {
        return reply.code(503).send({ ok: false });
      }
      return reply.send({ ok: true });
    });
    done();
  });
}

async function note(pool: Pool, temporal: Orchestrator, destination: string, { batch: id, reference }: Extract<WebhookNews, { kind: 'batch' }>): Promise<void> {
  const batch = Number(id);
  // Signed by us and yet no batch of this ledger: nothing to be done, now or later.
  if (!Number.isSafeInteger(batch)) return;
  const account = await noteWebhook(pool, destination, batch, reference);
  if (account !== null) await wakeLane(temporal, account);
}

/** An opt-out that is stored holds; a wake that fails is made up for by the sweep, while a second delivery would find nothing new. */
async function learn(pool: Pool, temporal: Orchestrator, { name, account }: DestinationConfig, { delivery, optOuts }: Extract<WebhookNews, { kind: 'optOuts' }>): Promise<void> {
  if (optOuts.length === 0) return;
  const { accounts } = await learnOptOuts(pool, { destination: { name, account }, origin: 'webhook', delivery }, optOuts);
  await Promise.all(accounts.map((one) => wakeLane(temporal, one).catch(() => undefined)));
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
