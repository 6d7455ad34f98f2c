import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as OTLP's JSON has it, its attributes as one object. */
export interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: number;
}

/** An OTLP/HTTP receiver of traces. */
export interface Collector {
  readonly url: string;
  /** Everything that came, as it came. */
  text(): string;
  spans(): readonly Span[];
  /** `service.name` of what came. */
  services(): ReadonlySet<unknown>;
  close(): Promise<void>;
}

interface Attribute { key: string; value: Record<string, unknown> }
interface Body {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: (Omit<Span, 'attributes' | 'events'> & { attributes: Attribute[]; events?: unknown[] })[] }[] }[];
}

const named = (attributes: readonly Attribute[]): Record<string, unknown> => Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

export async function startCollector(): Promise<Collector> {
  const bodies: string[] = [];
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(Buffer.concat(parts).toString());
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const resources = (): Body['resourceSpans'] => bodies.flatMap((body) => (JSON.parse(body) as Body).resourceSpans);
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    text: () => bodies.join('\n'),
    spans: () => resources().flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans)
      .map(({ attributes, events, ...span }) => ({ ...span, attributes: named(attributes), events: events?.length ?? 0 })),
    services: () => new Set(resources().map(({ resource }) => named(resource.attributes)['service.name'])),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
