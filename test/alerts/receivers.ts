import { createServer as createHttp, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';

/** One message as a receiver got it. */
export interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly raw: string;
  readonly body: Readonly<Record<string, string | null>>;
}

const listen = (server: Server): Promise<number> => new Promise((resolve) => { server.listen(0, '127.0.0.1', () => { resolve((server.address() as AddressInfo).port); }); });
const end = (server: Server, sockets: ReadonlySet<Socket>): Promise<void> => new Promise((resolve) => {
  server.close(() => { resolve(); });
  for (const socket of sockets) socket.destroy();
});

function noted(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  return sockets;
}

/** A webhook's receiver. `answers` is what it answers with from now on; null: never. */
export async function webhookReceiver(): Promise<{ url: string; got: Got[]; answers: { status: number | null; body: string }; close(): Promise<void> }> {
  const got: Got[] = [];
  const answers: { status: number | null; body: string } = { status: 200, body: 'ok' };
  const server = createHttp((request, response) => {
    let raw = '';
    request.on('data', (chunk: Buffer) => { raw += chunk.toString(); });
    request.on('end', () => {
      got.push({ headers: request.headers, raw, body: JSON.parse(raw) as Got['body'] });
      if (answers.status !== null) response.writeHead(answers.status).end(answers.body);
    });
  });
  const sockets = noted(server);
  const port = await listen(server);
  return { url: `http://127.0.0.1:${String(port)}/alerts`, got, answers, close: () => end(server, sockets) };
}

/** A mail server that takes whatever comes, or refuses every recipient. */
export async function mailReceiver(): Promise<{ port: number; mails: string[]; refuses: { recipients: boolean }; close(): Promise<void> }> {
  const mails: string[] = [];
  const refuses = { recipients: false };
  const server = createTcp((socket) => {
    let text = '';
    let mail: string | null = null;
    socket.write('220 mail\r\n');
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (let at = text.indexOf('\r\n'); at >= 0; at = text.indexOf('\r\n')) {
        const line = text.slice(0, at);
        text = text.slice(at + 2);
        if (mail !== null) {
          if (line !== '.') { mail += `${line}\n`; continue; }
          mails.push(mail);
          mail = null;
          socket.write('250 queued as 1\r\n');
        } else if (line.startsWith('DATA')) {
          mail = '';
          socket.write('354 go on\r\n');
        } else if (line.startsWith('QUIT')) socket.end('221 bye\r\n');
        else if (line.startsWith('RCPT') && refuses.recipients) socket.write('550 5.1.1 <nobody@example.com>: no such user\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  const sockets = noted(server);
  const port = await listen(server);
  return { port, mails, refuses, close: () => end(server, sockets) };
}
