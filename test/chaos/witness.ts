import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A bulk call as it came by. */
export interface Seen {
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly rows: number;
  /** What the platform answered; null where it cut the connection. */
  status: number | null;
  done: boolean;
}

/** What became of one version of a contact at the platform. */
interface Version {
  arrivals: number;
  /** Stored, or (the connection was cut) stored unless the row was bad. */
  stored: boolean;
}

interface BulkRow {
  readonly externalId: string;
  readonly attributes: { readonly rev: number };
}

/**
 * Stands between the worker and the platform, in a process nobody kills, and notes every version of every contact
 * that passes. What the platform began it ends, also when the caller has been killed: the harder case.
 */
export class Witness {
  readonly calls: Seen[] = [];
  readonly faults: string[] = [];
  /** `key:rev` → what happened to it. */
  readonly versions = new Map<string, Version>();
  private readonly open = new Map<string, number>();
  private readonly newest = new Map<string, number>();
  private readonly agent = new http.Agent({ keepAlive: true });
  private readonly server = http.createServer((request, response) => { this.pass(request, response); });
  /** Where a worker is told the platform is. */
  url = '';

  constructor(private readonly platform: string) {}

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

  /** Milliseconds of `performance.now()` of the first bulk call after `at`. */
  firstAfter(at: number): number | undefined {
    return this.calls.find((call) => call.at > at)?.at;
  }

  private pass(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A call that did not arrive whole was not made.
    request.on('error', () => undefined);
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const bulk = request.method === 'POST' && (request.url ?? '').endsWith('/contacts/bulk');
      const end = bulk ? this.arrived((JSON.parse(body.toString()) as { contacts: BulkRow[] }).contacts) : undefined;
      this.forward(request, body, response, end);
    });
  }

  private forward(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse, end?: (status: number | null, answer: string) => void): void {
    const { connection: _, ...headers } = request.headers;
    const cut = (): void => {
      end?.(null, '');
      request.socket.destroy();
    };
    const onward = http.request(this.platform + (request.url ?? ''), { method: request.method, headers, agent: this.agent }, (answer) => {
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

  /** Notes a call; gives back what notes its end. */
  private arrived(rows: readonly BulkRow[]): (status: number | null, answer: string) => void {
    const call: Seen = { at: performance.now(), rows: rows.length, status: null, done: false };
    this.calls.push(call);
    for (const { externalId: key, attributes: { rev } } of rows) {
      if ((this.open.get(key) ?? 0) > 0) this.faults.push(`contact ${key}: two calls with it are under way at once (rev ${rev})`);
      this.open.set(key, (this.open.get(key) ?? 0) + 1);
      const before = this.newest.get(key) ?? 0;
      if (rev < before) this.faults.push(`contact ${key}: rev ${rev} was sent after rev ${before}`);
      this.newest.set(key, Math.max(rev, before));
      this.version(key, rev).arrivals += 1;
    }
    return (status, answer) => {
      if (call.done) return;
      call.done = true;
      call.status = status;
      const refused = status === 200 ? refusedRows(answer) : undefined;
      rows.forEach(({ externalId: key, attributes: { rev } }, index) => {
        this.open.set(key, (this.open.get(key) ?? 1) - 1);
        if (status === null || (status === 200 && refused?.has(index) !== true)) this.version(key, rev).stored = true;
      });
    };
  }

  private version(key: string, rev: number): Version {
    const name = `${key}:${rev}`;
    let version = this.versions.get(name);
    if (version === undefined) this.versions.set(name, (version = { arrivals: 0, stored: false }));
    return version;
  }
}

function refusedRows(answer: string): ReadonlySet<number> {
  const { failed } = JSON.parse(answer) as { failed: readonly { index: number }[] };
  return new Set(failed.map((row) => row.index));
}
