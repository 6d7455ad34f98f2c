import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Passage, type Ending } from './passage.js';
import type { Platform } from './platforms/index.js';

/**
 * Stands between the worker and the platforms, in a process nobody kills, and notes every version of every contact
 * that passes. What the platform began it ends, also when the caller has been killed: the harder case.
 */
export class Witness {
  private readonly passages: ReadonlyMap<string, Passage>;
  private readonly agent = new http.Agent({ keepAlive: true });
  private readonly server = http.createServer((request, response) => { this.pass(request, response); });
  /** Where a worker is told the platforms are, each under its name. */
  url = '';

  constructor(
    private readonly sandbox: string,
    platforms: readonly Platform[],
  ) {
    this.passages = new Map(platforms.map((platform) => [platform.name, new Passage(platform)]));
  }

  /** What passes on its way to a platform. */
  passage({ name }: Platform): Passage {
    return this.passages.get(name) as Passage;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.agent.destroy();
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A call that did not arrive whole was not made.
    request.on('error', () => undefined);
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const [path = ''] = (request.url ?? '').split('?');
      const end = this.passages.get(path.split('/')[1] ?? '')?.arrived(request.method ?? '', path, body.toString());
      this.forward(request, body, response, end);
    });
  }

  private forward(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse, end?: Ending): void {
    const { connection: _, ...headers } = request.headers;
    const cut = (): void => {
      end?.(null, '');
      request.socket.destroy();
    };
    const onward = http.request(this.sandbox + (request.url ?? ''), { method: request.method, headers, agent: this.agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', cut);
      answer.on('end', () => {
        const whole = Buffer.concat(chunks);
        end?.(answer.statusCode ?? null, whole.toString());
        const { connection: __, 'transfer-encoding': ___, ...kept } = answer.headers;
        response.writeHead(answer.statusCode ?? 502, { ...kept, 'content-length': whole.length }).end(whole);
      });
    });
    onward.on('error', cut);
    onward.end(body);
  }
}
