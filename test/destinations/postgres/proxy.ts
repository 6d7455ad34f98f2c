import { once } from 'node:events';
import net from 'node:net';

/** What the way to the server can do to a COMMIT, or to a connection as it is made. */
export type Strike =
  | { readonly commit: 'cutBefore' | 'cutAfter' | 'hang' | 'drip' }
  /** The server's refusal of the log-in. */
  | { readonly login: string }
  /** The next `connections` are cut before they are answered. */
  | { readonly connections: number };

export interface Proxy {
  /** The URL with this proxy in the place of its server. */
  through(url: string): string;
  strike(strike: Strike | null): void;
  close(): Promise<void>;
}

/** A query message of the simple protocol. */
const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0', 'latin1');

/** An ErrorResponse that ends the connection. */
function fatal(state: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${state}\0Mpassword authentication failed\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** A way to a real Postgres on which COMMITs and connections can be lost. */
export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<net.Socket>();
  let current: Strike | null = null;
  const keep = (socket: net.Socket): net.Socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    return socket.on('error', () => undefined);
  };
  const server = net.createServer((client) => {
    keep(client);
    const now = current;
    if (now !== null && 'login' in now) {
      client.once('data', () => client.end(fatal(now.login)));
      return;
    }
    if (now !== null && 'connections' in now) {
      current = now.connections > 1 ? { connections: now.connections - 1 } : null;
      client.destroy();
      return;
    }
    const backend = keep(net.connect(Number(port), hostname));
    const both = (): void => { client.destroy(); backend.destroy(); };
    let answers: 'pass' | 'cut' | 'hold' | 'drip' = 'pass';
    client.on('data', (data) => {
      const commit = current !== null && 'commit' in current && data.includes(COMMIT) ? current.commit : null;
      if (commit === 'cutBefore') return both();
      if (commit !== null) answers = commit === 'cutAfter' ? 'cut' : commit === 'hang' ? 'hold' : 'drip';
      backend.write(data);
    });
    backend.on('data', (data) => {
      if (answers === 'pass') client.write(data);
      else if (answers === 'cut') both();
      else if (answers === 'drip') [...data].forEach((byte, i) => setTimeout(() => client.destroyed || client.write(Buffer.of(byte)), (i + 1) * 50).unref());
    });
    client.on('close', () => backend.destroy());
    backend.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as net.AddressInfo;
  return {
    through: (url) => {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${own}`;
      return changed.href;
    },
    strike: (strike) => { current = strike; },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
