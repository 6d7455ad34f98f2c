import type { FastifyReply, FastifyRequest } from 'fastify';

/** Sends JSON without fastify's serialiser. */
export function json(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  return reply.code(status).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body));
}

/** Ends the connection without an answer. */
export function cut(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack();
  request.raw.socket.destroy();
  return reply;
}

/** Leaves the call without an answer until the client or the server gives up. */
export function hang(reply: FastifyReply): FastifyReply {
  reply.hijack();
  return reply;
}

/** Answers a byte at a time, `interval` milliseconds apart. */
export function drip(reply: FastifyReply, status: number, body: unknown, interval: number): FastifyReply {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = reply.getHeaders();
  reply.hijack();
  reply.raw.statusCode = status;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.setHeader('content-type', 'application/json; charset=utf-8');
  reply.raw.setHeader('content-length', bytes.length);
  reply.raw.flushHeaders();
  let sent = 0;
  const timer = setInterval(() => {
    reply.raw.write(bytes.subarray(sent, sent + 1));
    sent += 1;
    if (sent < bytes.length) return;
    clearInterval(timer);
    reply.raw.end();
  }, interval);
  reply.raw.on('close', () => clearInterval(timer));
  return reply;
}
