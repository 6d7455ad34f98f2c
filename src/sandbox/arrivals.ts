import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Call, CallLog } from './calls.js';

const calls = new WeakMap<FastifyRequest, Call>();

/** Writes every call of a platform down as it arrives, and what it got. Add it before the platform's own hooks. */
export function logArrivals(app: FastifyInstance, log: CallLog): void {
  const { prefix } = app;
  app.addHook('onRequest', (request, reply, done) => {
    const address = request.routeOptions.url ?? request.url;
    const call = log.begin(request.method, address.startsWith(prefix) ? address.slice(prefix.length) : address);
    calls.set(request, call);
    // Also where the connection is cut, on either side.
    reply.raw.once('close', () => log.end(call));
    done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    const call = callOf(request);
    call.status = reply.statusCode;
    log.end(call);
    done();
  });
}

/** The log entry of a request. */
export function callOf(request: FastifyRequest): Call {
  const call = calls.get(request);
  if (call === undefined) throw new Error('a request that no platform has seen arrive');
  return call;
}
