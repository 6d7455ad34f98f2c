import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Trouble } from './rig.js';

type Strike = (call: number, request: FastifyRequest, reply: FastifyReply) => unknown;

/** Every third call. */
const some = (strike: Strike): Strike => (call, request, reply) => (call % 3 === 0 ? strike(call, request, reply) : undefined);

/** What a server of JSON does when it is in trouble, whatever the platform. */
export const strikes: Partial<Record<Trouble, Strike>> = {
  throttled: some((_call, _request, reply) => reply.code(429).header('retry-after', '1').send({ message: 'Too many requests' })),
  serverError: some((_call, _request, reply) => reply.code(500).send({ message: 'Internal server error' })),
  brokenJson: some((_call, _request, reply) => reply.header('content-type', 'application/json').send('{"results":[{"id":"1"')),
  cut: some((_call, request, reply) => {
    reply.hijack();
    request.raw.socket.destroy();
    return reply;
  }),
  refused: (_call, _request, reply) => reply.code(401).send({ message: 'Unauthorized' }),
  down: (_call, _request, reply) => reply.code(503).send({ message: 'down' }),
  rubbish: (_call, _request, reply) => reply.send('<html>hello</html>'),
};
