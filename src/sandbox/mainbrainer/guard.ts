import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { json } from '../answers.js';
import { callOf } from '../arrivals.js';
import type { State } from './state.js';

/** An error in the envelope that a success has (doc); unknown: what `data` holds then. */
export function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return json(reply, status, { status: 'Error', message, data: null });
}

/** What every route does first: the limit, then the token. Returns true when the call was answered here. */
export function admit(state: State, request: FastifyRequest, reply: FastifyReply): boolean {
  const { faults, trouble } = state;
  const stop = (status: number, message: string): true => {
    refuse(reply, status, message);
    return true;
  };
  const verdict = state.limiter?.(performance.now());
  if (verdict !== undefined && !verdict.allowed) {
    tellWhen(state, reply, verdict.resetMs);
    return stop(429, 'Too many requests');
  }
  // doc: among the request's headers.
  if ((request.headers['user-agent'] ?? '') === '') return stop(400, 'User-Agent header is required');
  if (callOf(request).route === '/token') return false;
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const ends = state.tokens.get(token);
  if (ends === undefined || performance.now() >= ends || trouble.trigger('tokenRefused', faults.tokenRefused)) {
    state.tokens.delete(token);
    return stop(faults.tokenStatus, 'The access token is invalid or has expired');
  }
  if (trouble.trigger('forbidden', faults.forbidden)) return stop(403, faults.forbidden?.message ?? '');
  if (trouble.trigger('quota', faults.quota)) return stop(429, 'The daily number of requests is used up');
  return false;
}

/** What a 429 says. unknown: which header of these is sent. */
export function tellWhen(state: State, reply: FastifyReply, waitMs: number): void {
  const told = state.faults.limit?.retryAfter ?? true;
  if (told === true) reply.header('retry-after', Math.ceil(waitMs / 1000));
  if (told !== false) reply.header('x-ratelimit-reset', Math.ceil((Date.now() + waitMs) / 1000));
}

/** `POST /token` (doc). */
export function login(state: State, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { faults, trouble } = state;
  const given = new Map(Object.entries((request.body ?? {})).map(([name, value]) => [name.toLowerCase(), value as unknown]));
  const complete = ['username', 'password', 'privatetoken'].every((name) => typeof given.get(name) === 'string' && given.get(name) !== '');
  if (!complete || trouble.trigger('loginRefused', faults.loginRefused)) return refuse(reply, 401, 'userName, password or privateToken is wrong');
  const token = randomUUID();
  const { tokenLife } = faults;
  state.tokens.set(token, performance.now() + tokenLife);
  const now = Date.now();
  return json(reply, 200, {
    access_token: token,
    token_type: 'Bearer',
    // doc: 120 in an answer whose two times are two hours apart, so in minutes: a client has to go by `expires`.
    expires_in: Math.max(1, Math.round(tokenLife / 60_000)),
    issued: new Date(now).toISOString(),
    expires: new Date(now + tokenLife).toISOString(),
  });
}
