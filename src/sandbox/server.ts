import Fastify from 'fastify';
import type { AddressInfo } from 'node:net';
import { addControl } from './control.js';
import { faultsByPlatform } from './faults.js';
import type { Faults } from './faults.js';
import type { Platform } from './platform.js';
import { PLATFORMS } from './platforms.js';
import type { Platforms } from './platforms.js';

/** Planting a million contacts goes through one request too. */
const BODY_LIMIT = 512 * 1024 * 1024;

export interface SandboxOptions {
  /** 0 or absent: any free one. */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** Checked here, whatever their type says: they may come from a file. */
  readonly faults?: Faults;
}

/** The platforms as one local HTTP server, each under its own path and by its own name. */
export interface Sandbox extends Platforms {
  /** `http://127.0.0.1:PORT`; a platform's base URL is this plus its name. */
  readonly url: string;
  readonly port: number;
  /** The names of the platforms. */
  readonly platforms: readonly (keyof Platforms)[];
  /** Stops listening and ends open connections, hanging ones too. */
  close(): Promise<void>;
}

/** Starts the sandbox. Throws FaultsError for wrong faults, and the system's error where the port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const faults = faultsByPlatform(options.faults);
  const platforms = Object.entries(PLATFORMS).map(([name, create]): Platform => (create as (faults: unknown) => Platform)(faults[name]));
  const app = Fastify({ logger: false, bodyLimit: BODY_LIMIT, forceCloseConnections: true, routerOptions: { maxParamLength: 512 } });
  // Fastify's own JSON parser guards against prototype keys at a cost; these bodies end in a store that copes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) {
      done(null, undefined);
      return;
    }
    try {
      done(null, JSON.parse(body.toString()));
    } catch {
      done(Object.assign(new Error('request body is not valid JSON'), { statusCode: 400 }));
    }
  });
  addControl(app, platforms);
  for (const platform of platforms) {
    void app.register((scope, _options, done) => {
      platform.register(scope);
      done();
    }, { prefix: `/${platform.name}` });
  }
  await app.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://${options.host ?? '127.0.0.1'}:${port}`;
  const controls = Object.fromEntries(
    platforms.map(({ name, control, settings }) => [name, { ...control, settings, baseUrl: `${url}/${name}` }]),
  );
  return {
    ...(controls as unknown as Platforms),
    url,
    port,
    platforms: Object.keys(PLATFORMS) as (keyof Platforms)[],
    close: async () => {
      for (const platform of platforms) platform.close?.();
      await app.close();
    },
  };
}
