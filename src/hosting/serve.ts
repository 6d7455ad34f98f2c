import type { AddressInfo } from 'node:net';
import type { Metrics } from '../telemetry/index.js';
import { asksTemporal, health, readiness, type StandingOptions } from './standing.js';
import { addWebhooks, type WebhookOptions } from './webhooks.js';

export interface ServeOptions extends WebhookOptions, StandingOptions {
  /** Port 0 takes a free one. */
  readonly at: { readonly port: number; readonly host: string };
  /** What `/metrics` tells. @default there is none */
  readonly metrics?: Metrics;
}

export interface Served {
  /** `http://HOST:PORT`, by an address of this machine. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * What a worker serves: `/healthz` (200 while it lives), `/readyz` (200 while it takes up work, else 503 with the
 * reasons), `/metrics`, and the platforms' webhooks. Nothing of a request is logged.
 * @throws the system's error where the port cannot be had
 */
export async function serve(given: ServeOptions): Promise<Served> {
  const { ask, asked } = asksTemporal(given.temporalAnswers);
  const options: ServeOptions = { ...given, temporalAnswers: ask };
  const { default: fastify } = await import('fastify');
  const app = fastify({ logger: false, forceCloseConnections: true, routerOptions: { maxParamLength: 200 } });
  app.get('/healthz', async (_request, reply) => {
    const answer = await health(options);
    return reply.code(answer.worker ? 200 : 503).send(answer);
  });
  app.get('/readyz', async (_request, reply) => {
    const answer = await readiness(options);
    return reply.code(answer.status === 'ready' ? 200 : 503).send(answer);
  });
  const { metrics } = options;
  if (metrics !== undefined) app.get('/metrics', async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()));
  addWebhooks(app, options);
  try {
    await app.listen(options.at);
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  const { host } = options.at;
  return {
    url: `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${String(port)}`,
    close: async () => {
      await app.close();
      await asked();
    },
  };
}
