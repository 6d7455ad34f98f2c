import type { AddressInfo } from 'node:net';
import type { TemporalConfig } from '../config/index.js';
import { Codec } from '../runtime/index.js';

export interface CodecServerOptions {
  /** Port 0 takes a free one. */
  readonly at: { readonly port: number; readonly host: string };
  /** Of the Web UI: no other page may ask. */
  readonly origin: string;
  readonly keys: Pick<TemporalConfig, 'encryptionKey' | 'encryptionKeys'>;
}

/** A payload as Temporal writes it in JSON: bytes in base64. */
interface WirePayload {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly data?: string;
}

/**
 * Temporal's codec server: decrypts for the Web UI, in the browser of whoever can reach it, what it shows.
 * @throws the system's error where the port cannot be had
 */
export async function serveCodec({ at, origin, keys }: CodecServerOptions): Promise<{ readonly url: string; close(): Promise<void> }> {
  const codec = new Codec(keys);
  const { default: fastify } = await import('fastify');
  const app = fastify({ logger: false, forceCloseConnections: true, bodyLimit: 32 * 1024 * 1024 });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'access-control-allow-origin': origin, 'access-control-allow-headers': 'content-type, x-namespace, authorization', 'access-control-allow-methods': 'POST, OPTIONS', vary: 'origin' });
    if (request.method === 'OPTIONS') return reply.code(204).send();
    // A page that is not the Web UI could send its form here as well; only a browser that was let in reads the answer.
    if (request.headers.origin !== undefined && request.headers.origin !== origin) return reply.code(403).send({ message: 'not the origin this server was started for' });
    return undefined;
  });
  app.options('/*', (_request, reply) => reply.code(204).send());
  for (const way of ['encode', 'decode'] as const) {
    app.post<{ Body: { readonly payloads?: readonly WirePayload[] } | null }>(`/${way}`, async (request, reply) => {
      const payloads = request.body?.payloads;
      if (!Array.isArray(payloads)) return reply.code(400).send({ message: 'expected {"payloads": […]}' });
      try {
        return { payloads: (await codec[way](payloads.map(fromWire))).map(toWire) };
      } catch (error) {
        return reply.code(400).send({ message: error instanceof Error ? error.message : 'it could not be read' });
      }
    });
  }
  try {
    await app.listen(at);
  } catch (error) {
    await app.close();
    throw error;
  }
  return { url: `http://${at.host}:${String((app.server.address() as AddressInfo).port)}`, close: () => app.close() };
}

type Payload = Parameters<Codec['encode']>[0][number];

const fromWire = ({ metadata = {}, data = '' }: WirePayload): Payload =>
  ({ metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')])), data: Buffer.from(data, 'base64') });

const toWire = ({ metadata, data }: Payload): WirePayload => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')])), data: Buffer.from(data ?? []).toString('base64'),
});
