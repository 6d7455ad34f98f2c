import type { FastifyInstance, FastifyReply } from 'fastify';
import { json } from '../answers.js';
import { logArrivals } from '../arrivals.js';
import { batch, counted } from './batch.js';
import type { Batch } from './batches.js';
import { admit, login, refuse, tellWhen } from './guard.js';
import { BATCH } from './state.js';
import type { State } from './state.js';

/** Adds the documented routes. */
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
  app.post('/token', (request, reply) => login(state, request, reply));
  app.post(BATCH, (request, reply) => batch(state, request, reply));
  app.get('/contacts/:id/Status', (request, reply) => {
    if (state.statusBurst429 > 0) {
      state.statusBurst429 -= 1;
      tellWhen(state, reply, 1000);
      return refuse(reply, 429, 'Too many requests');
    }
    if (state.trouble.trigger('statusErrors', state.faults.statusErrors)) return refuse(reply, 503, 'Service unavailable');
    const found = state.batches.find((request.params as { id: string }).id);
    return found === undefined ? refuse(reply, 404, 'Batch not found') : status(state, reply, found);
  });
}

/** doc: the form; unknown: the words and numbers of the stages. */
function status({ faults }: State, reply: FastifyReply, { id, begins, lost, end }: Batch): FastifyReply {
  const { statusWords, countsBefore } = faults;
  if (end === null || lost) {
    const begun = performance.now() >= begins;
    const none = { count: 0, contactIds: [] };
    return json(reply, 200, {
      id,
      status: begun ? 1 : 0,
      statusText: begun ? statusWords.processing : statusWords.pending,
      statusFailedReason: null,
      processedObj: countsBefore === 'null' ? null : { inserted: none, updated: none, skipped: none },
    });
  }
  if ('failed' in end) return json(reply, 200, { id, status: 3, statusText: statusWords.failed, statusFailedReason: end.failed, processedObj: null });
  const reason = end.skipped.length > 0 ? (faults.skippedRows?.reason ?? 'another contact has this mobile and e-mail') : '';
  return json(reply, 200, { id, status: 2, statusText: statusWords.completed, statusFailedReason: reason, processedObj: counted(end) });
}
