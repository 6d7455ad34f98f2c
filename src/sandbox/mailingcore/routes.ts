import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { json } from '../answers.js';
import { logArrivals } from '../arrivals.js';
import { refuse } from './answers.js';
import { bulk } from './bulk.js';
import { coverageOf } from './coverage.js';
import { admit, lacksScope } from './guard.js';
import { listContacts, parseListQuery } from './listing.js';
import { faultOf, isRow } from './rows.js';
import type { State } from './state.js';
import { emailKey, shown } from './store.js';
import type { Stored } from './store.js';

type Query = Readonly<Record<string, string | undefined>>;
type Handler = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>;

/** Adds every documented route of the platform. */
export function addRoutes(app: FastifyInstance, state: State): void {
  logArrivals(app, state.log);
  app.addHook('onRequest', async (request, reply) => {
    if (admit(state, request, reply)) return reply;
    return undefined;
  });
  // As Nest answers an address it does not have; the limit and the credentials come first there too.
  app.setNotFoundHandler((request, reply) => refuse(request, reply, 404, `Cannot ${request.method} ${request.url.split('?')[0] ?? ''}`));
  app.setErrorHandler((error, request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    // JSON that cannot be read is a 400 (doc); its text stays out of the answer.
    return refuse(request, reply, status, status === 413 ? 'request entity too large' : status < 500 ? 'request body is not valid JSON' : undefined);
  });

  const scoped = (scope: string, handler: Handler): Handler => (request, reply) =>
    lacksScope(state, scope, request, reply) ? reply : handler(request, reply);

  app.post('/contacts/bulk', (request, reply) => bulk(state, request, reply));
  addContactRoutes(app, state, scoped);
  addSuppressionRoutes(app, state, scoped);
  app.get('/campaigns/:id/locale-coverage', scoped('campaigns:read', (request, reply) => {
    const coverage = coverageOf(state.store, state.faults.campaigns, idIn(request));
    return coverage === undefined ? refuse(request, reply, 404, 'Campaign not found') : json(reply, 200, coverage);
  }));
}

type Scoped = (scope: string, handler: Handler) => Handler;

function addContactRoutes(app: FastifyInstance, state: State, scoped: Scoped): void {
  const { store } = state;
  app.put('/contacts', scoped('contacts:write', (request, reply) => {
    const row = request.body;
    if (!isRow(row)) return refuse(request, reply, 400, faultOf(row) ?? undefined);
    const stored = store.upsert(row, Date.now());
    const contact = row.externalId !== undefined ? store.find(row.externalId) : store.findByEmail(row.email ?? '');
    if (refusedOne(stored, request, reply) || contact === undefined) return reply;
    return json(reply, stored === 'created' ? 201 : 200, shown(contact));
  }));
  app.patch('/contacts/:id', scoped('contacts:write', (request, reply) => {
    const contact = store.find(idIn(request));
    if (contact === undefined) return refuse(request, reply, 404, 'Contact not found');
    const row = request.body;
    const fault = faultOf({ email: contact.email, ...(row as object) });
    if (fault !== null || typeof row !== 'object' || row === null) return refuse(request, reply, 400, fault ?? undefined);
    if (refusedOne(store.change(contact, row, Date.now()), request, reply)) return reply;
    return json(reply, 200, shown(contact));
  }));
  app.get('/contacts/:id', scoped('contacts:read', (request, reply) => {
    const contact = store.find(idIn(request));
    return contact === undefined ? refuse(request, reply, 404, 'Contact not found') : json(reply, 200, shown(contact));
  }));
  app.delete('/contacts/:id', scoped('contacts:write', (request, reply) => {
    const contact = store.find(idIn(request));
    // doc: by externalId only.
    if (contact === undefined || contact.externalId !== idIn(request)) return refuse(request, reply, 404, 'Contact not found');
    store.remove(contact);
    return reply.code(204).send();
  }));
  app.get('/contacts', scoped('contacts:read', (request, reply) => {
    const query = parseListQuery(request.query as Query);
    if ('fault' in query) return refuse(request, reply, 400, query.fault);
    return json(reply, 200, listContacts(store, query, state.faults.pagination));
  }));
}

function addSuppressionRoutes(app: FastifyInstance, state: State, scoped: Scoped): void {
  const { store } = state;
  const listed = (handler: Handler): Handler => (request, reply) =>
    state.faults.suppressions === 'absent' ? refuse(request, reply, 404, `Cannot ${request.method} /suppressions`) : handler(request, reply);
  app.get('/suppressions', listed(scoped('suppressions:read', (request, reply) => {
    const query = parseListQuery(request.query as Query);
    if ('fault' in query) return refuse(request, reply, 400, query.fault);
    const all = [...store.suppressions.values()];
    const start = (query.page - 1) * query.limit;
    const meta = { page: query.page, limit: query.limit, total: all.length, totalPages: Math.ceil(all.length / query.limit) };
    return json(reply, 200, { data: all.slice(start, start + query.limit), meta });
  })));
  app.post('/suppressions', listed(scoped('suppressions:write', (request, reply) => {
    const { email, reason = 'manual' } = (request.body ?? {}) as { email?: string; reason?: string };
    if (faultOf({ email }) !== null) return refuse(request, reply, 400, 'invalid email');
    store.unsubscribe(email ?? '', reason, Date.now());
    return json(reply, 201, store.suppressions.get(emailKey(email ?? '')));
  })));
  app.delete('/suppressions/:id', listed(scoped('suppressions:write', (request, reply) =>
    store.suppressions.delete(emailKey(idIn(request))) ? reply.code(204).send() : refuse(request, reply, 404, 'Suppression not found'),
  )));
}

/** Answers 409 where the e-mail or externalId is another contact's (doc), 400 otherwise. */
function refusedOne(stored: Stored, request: FastifyRequest, reply: FastifyReply): boolean {
  if (typeof stored === 'string') return false;
  refuse(request, reply, stored.refused.includes('another contact') ? 409 : 400, stored.refused);
  return true;
}

function idIn(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}
