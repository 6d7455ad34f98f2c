import type { FastifyReply, FastifyRequest } from 'fastify';
import { refuse } from './answers.js';
import type { State } from './state.js';

/** Said where no limit is enforced: so high that a client obeying the headers is never slowed by them. */
const NO_LIMIT = 1_000_000;

/**
 * What every route does first: count the arrival against the limit, check the credentials.
 * Returns true when the call was answered here.
 */
export function admit(state: State, request: FastifyRequest, reply: FastifyReply): boolean {
  if (!withinLimit(state, reply)) {
    refuse(request, reply, 429, 'Too many requests');
    return true;
  }
  if (state.trouble.trigger('unauthorized', state.faults.unauthorized)) {
    refuse(request, reply, 401, 'Unauthorized');
    return true;
  }
  const key = keyOf(request);
  if (key === null) {
    refuse(request, reply, 401, 'Invalid or missing API key');
    return true;
  }
  const tenant = request.headers['x-tenant-id'];
  if (typeof tenant !== 'string' || tenant === '') {
    refuse(request, reply, 401, 'X-Tenant-Id header is required');
    return true;
  }
  if (state.faults.tenants !== undefined && !state.faults.tenants.includes(tenant)) {
    refuse(request, reply, 403, 'API key does not belong to this tenant');
    return true;
  }
  state.tenant = tenant;
  return false;
}

/** Answers 403 and returns true when the key lacks a scope (doc: `Missing contacts:write scope`). */
export function lacksScope(state: State, scope: string, request: FastifyRequest, reply: FastifyReply): boolean {
  const scopes = state.faults.keys?.[keyOf(request) ?? ''];
  if (scopes === undefined || scopes.includes(scope)) return false;
  refuse(request, reply, 403, `Missing ${scope} scope`);
  return true;
}

/** The headers of a 429 that is not the limiter's own. */
export function tellWhen(state: State, reply: FastifyReply, waitMs: number): void {
  const told = state.faults.limit?.retryAfter ?? true;
  if (told === true) reply.header('retry-after', Math.ceil(waitMs / 1000));
  // doc: unix seconds. Rounded up, or a client that obeys would come back too early.
  if (told === false) reply.removeHeader('x-ratelimit-reset');
  else reply.header('x-ratelimit-reset', Math.ceil((Date.now() + waitMs) / 1000));
}

function withinLimit(state: State, reply: FastifyReply): boolean {
  const limit = state.faults.limit;
  const verdict = state.limiter?.(performance.now()) ?? { allowed: true, remaining: NO_LIMIT, resetMs: 60_000 };
  reply.header('x-ratelimit-limit', limit?.calls ?? NO_LIMIT);
  reply.header('x-ratelimit-remaining', verdict.remaining);
  reply.header('x-ratelimit-reset', Math.ceil((Date.now() + verdict.resetMs) / 1000));
  if (!verdict.allowed) tellWhen(state, reply, verdict.resetMs);
  return verdict.allowed;
}

function keyOf(request: FastifyRequest): string | null {
  const header = request.headers.authorization;
  const match = header === undefined ? null : /^Bearer (mc_(?:test|live)_\S+)$/.exec(header);
  return match?.[1] ?? null;
}
