import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { json } from '../answers.js';
import { logArrivals } from '../arrivals.js';
import { bulk } from './bulk.js';
import { admit, login, refuse } from './guard.js';
import { BULK } from './state.js';
import type { State } from './state.js';

/** The tables of the sandboxed account; master_contact is not the first, so that a reader has to look for it. */
const TABLES = [
  { tableName: 'order_events', publicId: 'tbl-orders' },
  { tableName: 'page_view_events', publicId: 'tbl-views' },
  { tableName: 'master_contact', publicId: 'tbl-master-contact' },
] as const;
const MASTER = 'tbl-master-contact';

/** Adds the routes that are documented, or seen in use. */
export function addRoutes(app: FastifyInstance, state: State): void {
  logArrivals(app, state.log);
  app.addHook('onRequest', (request, reply, done) => {
    if (!admit(state, request, reply)) done();
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'Not found'));
  app.setErrorHandler((error, _request, reply) => {
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    return refuse(reply, status, status < 500 ? 'request body is not valid' : 'Internal server error');
  });

  const read = (handler: (request: FastifyRequest, reply: FastifyReply) => FastifyReply) => (request: FastifyRequest, reply: FastifyReply) => {
    if (state.readBurst429 > 0) {
      state.readBurst429 -= 1;
      return refuse(reply, 429, 'too many requests');
    }
    return state.trouble.trigger('readErrors', state.faults.readErrors) ? refuse(reply, 503, 'Service unavailable') : handler(request, reply);
  };
  const success = (reply: FastifyReply, data: object): FastifyReply => json(reply, 200, { code: 0, message: 'SUCCESS', data });

  app.post('/rest/login', (request, reply) => login(state, request, reply));
  app.post(BULK, (request, reply) => bulk(state, request, reply));
  app.get('/rest/contacts/:key', read((request, reply) => {
    const found = state.store.find((request.params as { key: string }).key);
    if (found === undefined && state.faults.absentRead === '404') return refuse(reply, 404, 'Contact not found');
    return success(reply, { contacts: found === undefined ? [] : [found] });
  }));
  app.get('/rest/dataspace/tables', read((request, reply) => {
    const { limit = '10', offset = '0' } = request.query as { limit?: string; offset?: string };
    return success(reply, { result: TABLES.slice(Number(offset), Number(offset) + Number(limit)), totalCount: TABLES.length });
  }));
  app.get('/rest/dataspace/tables/:id', read((request, reply) => {
    const table = TABLES.find((one) => one.publicId === (request.params as { id: string }).id);
    if (table === undefined) return refuse(reply, 404, 'Table not found');
    return success(reply, { ...table, totalRowCount: table.publicId === MASTER ? state.store.size : 0 });
  }));
}
