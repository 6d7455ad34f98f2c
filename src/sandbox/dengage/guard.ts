import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { json } from '../answers.js';
import { callOf } from '../arrivals.js';
import { BULK } from './state.js';
import type { State } from './state.js';

/** unknown: the form of an error; here as a success looks. */
export function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return json(reply, status, { code: status, message, data: null });
}

/** What every route does first, in the order doc tells: address, credentials, role. Returns true when the call was answered here. */
export function admit(state: State, request: FastifyRequest, reply: FastifyReply): boolean {
  const { faults, trouble } = state;
  const call = callOf(request);
  const stop = (status: number, message: string): true => {
    refuse(reply, status, message);
    return true;
  };
  if (trouble.trigger('ipBlocked', faults.ipBlocked)) return stop(403, 'Your IP address is not in the allowed IP list.');
  if (call.route === '/rest/login') return false;
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const ends = state.tokens.get(token);
  if (ends === undefined || performance.now() >= ends || trouble.trigger('tokenRefused', faults.tokenRefused)) {
    state.tokens.delete(token);
    return stop(faults.tokenStatus, faults.tokenStatus === 401 ? 'Not-authenticated. Please re-login.' : 'The access token has expired. Please re-login.');
  }
  if (trouble.trigger('roleMissing', faults.roleMissing)) {
    return stop(403, 'The operation is not allowed. Your API user does not have the DataSpace.Manage role permission required to use this API.');
  }
  if (call.route !== BULK || request.method !== 'POST') return false;
  if (faults.parallel === 'refuse' && state.current !== null && state.current.endedAt === null) return stop(faults.parallelStatus, 'too many concurrent requests');
  const { lastArrival } = state;
  const early = faults.gap !== undefined && lastArrival !== null && call.at - lastArrival < faults.gap;
  if (!early || faults.gapCountsRefused) state.lastArrival = call.at;
  if (early) return stop(429, 'This method can be called once a minute');
  state.current = call;
  return false;
}

/** `POST /rest/login` (seen). */
export function login(state: State, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { faults, trouble } = state;
  const { userkey, password } = (request.body ?? {}) as { userkey?: unknown; password?: unknown };
  const given = typeof userkey === 'string' && userkey !== '' && typeof password === 'string' && password !== '';
  const known = given && (faults.users === undefined || faults.users[userkey] === password);
  if (!known || trouble.trigger('loginRefused', faults.loginRefused)) return refuse(reply, 401, 'userkey or password is wrong');
  const token = randomUUID();
  state.tokens.set(token, performance.now() + faults.tokenLife);
  return json(reply, 200, { access_token: token, expires_in: faults.tokenLife / 1000 });
}
