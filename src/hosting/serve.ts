import type { AddressInfo } from 'node:net';
import type { Pool } from '../ledger/index.js';
import { addWebhooks, type WebhookOptions } from './webhooks.js';

/** A store that takes longer to answer is not well. Milliseconds. */
const WELL_WITHIN_MS = 2_000;

export interface ServeOptions extends WebhookOptions {
  /** Port 0 takes a free one. */
  readonly at: { readonly port: number; readonly host: string };
  /** Whether the worker runs. */
  readonly lives: () => boolean;
  readonly temporalAnswers: () => Promise<boolean>;
}

export interface Served {
  /** `http://HOST:PORT`, by an address of this machine. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * What a worker serves: `/healthz` (200 while the worker runs and both stores answer, else 503 naming what does not)
 * and the platforms' webhooks. Nothing of a request is logged.
 * @throws the system's error where the port cannot be had
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const { default: fastify } = await import('fastify');
  const app = fastify({ logger: false, forceCloseConnections: true, routerOptions: { maxParamLength: 200 } });
  app.get('/healthz', async (_request, reply) => {
    const [postgres, temporal] = await Promise.all([ledgerAnswers(options.pool), options.temporalAnswers()]);
    const worker = options.lives();
    const well = worker && postgres && temporal;
    return reply.code(well ? 200 : 503).send({ status: well ? 'ok' : 'unwell', worker, postgres, temporal });
  });
  addWebhooks(app, options);
  try {
    await app.listen(options.at);
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  const { host } = options.at;
  return { url: `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${String(port)}`, close: () => app.close() };
}

async function ledgerAnswers(pool: Pool): Promise<boolean> {
  const answer = pool.query('SELECT 1').then(() => true, () => false);
  return Promise.race([answer, new Promise<boolean>((resolve) => { setTimeout(resolve, WELL_WITHIN_MS, false).unref(); })]);
}
