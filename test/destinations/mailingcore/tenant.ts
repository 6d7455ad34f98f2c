import Fastify from 'fastify';
import type { AddressInfo } from 'node:net';
import { createDestination, type Destination, type DestinationOptions, type OptOut } from '../../../src/destinations/index.js';

export const NOW = Date.parse('2026-01-15T12:00:00Z');

export const CONFIG = {
  type: 'mailingcore', name: 'newsletter', baseUrl: 'http://127.0.0.1:1', apiKey: 'mc_test_secret', tenantId: 'tenant', matchBy: 'externalId' as 'externalId' | 'email',
  suppressions: { read: 'beforeRun' }, batchSize: 1000, limits: { calls: 300, per: 60_000, concurrency: 4 }, timeout: 2000, account: 'a', settleDelay: 100, linger: 10,
} as const;

/** How a server answers a call: a status and a body. */
export type Answering = (call: { readonly method: string; readonly path: string; readonly query: Readonly<Record<string, string>> }) => readonly [number, unknown, Readonly<Record<string, string>>?];

/** A MailingCore whose every answer the test writes. */
export interface Tenant {
  readonly destination: Destination;
  /** `METHOD /path?query` of every call so far. */
  readonly calls: readonly string[];
  /** Everybody it tells of. */
  optOuts(since?: string | null): Promise<readonly OptOut[]>;
  close(): Promise<void>;
}

/** Starts one. */
export async function tenantThat(answer: Answering, more: Partial<typeof CONFIG> = {}, options: DestinationOptions = {}): Promise<Tenant> {
  const app = Fastify({ logger: false, forceCloseConnections: true });
  const calls: string[] = [];
  app.route({
    method: ['GET', 'POST', 'DELETE'], url: '/*',
    handler: (request, reply) => {
      calls.push(`${request.method} ${request.url}`);
      const [status, body, headers = {}] = answer({ method: request.method, path: request.url.split('?')[0] ?? '', query: request.query as Record<string, string> });
      return reply.code(status).headers({ 'content-type': 'application/json', ...headers }).send(JSON.stringify(body));
    },
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const baseUrl = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const destination = createDestination({ ...CONFIG, ...more, baseUrl }, { now: () => NOW, wait: () => Promise.resolve(), ...options });
  return {
    destination, calls,
    optOuts: async (since = null) => {
      const found: OptOut[] = [];
      const signal = AbortSignal.timeout(10_000);
      for await (const page of destination.optOuts?.(since, (call) => call(signal), signal) ?? []) found.push(...page);
      return found;
    },
    close: async () => {
      await destination.close();
      await app.close();
    },
  };
}
