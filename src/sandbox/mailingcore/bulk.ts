import type { FastifyReply, FastifyRequest } from 'fastify';
import { callOf } from '../arrivals.js';
import { refuse } from './answers.js';
import { lacksScope, tellWhen } from './guard.js';
import { faultOf, INVALID_EMAIL } from './rows.js';
import type { State } from './state.js';
import type { ContactRow } from './store.js';

/** doc: CONTACTS_BULK_MAX. */
const MOST = 1000;

interface FailedRow {
  readonly index: number;
  readonly email: unknown;
  readonly externalId: unknown;
  readonly message: string;
}

/** `POST /contacts/bulk`, and all the ways it can go wrong. */
export async function bulk(state: State, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const call = callOf(request);
  if (lacksScope(state, 'contacts:write', request, reply)) return reply;
  const contacts = contactsOf(request.body);
  if (contacts !== null) call.rows = contacts.length;

  const refused = refusedBeforeReading(state, request, reply);
  if (refused !== null) return refused;
  const before = state.trouble.before(request, reply, (status) => {
    if (status === 429) tellWhen(state, reply, 1000);
    return refuse(request, reply, status, status === 429 ? 'Too many requests' : undefined);
  });
  if ('ended' in before) return before.ended;

  if (contacts === null) return refuse(request, reply, 400, 'contacts must be an array');
  if (contacts.length === 0) return refuse(request, reply, 400, 'contacts must contain at least 1 element');
  if (contacts.length > MOST) return refuse(request, reply, 400, `contacts must contain no more than ${MOST} elements`);
  if (state.alwaysFail !== null && contacts.some((row) => state.alwaysFail?.has(textOf(row, 'externalId') ?? ''))) {
    return refuse(request, reply, 500);
  }
  const requestFault = faultOfRequest(state, contacts);
  if (requestFault !== null) return refuse(request, reply, 400, requestFault);

  const answer = commit(state, contacts);
  call.committed = true;
  return state.trouble.after(request, reply, before.hangs, 200, answer);
}

function refusedBeforeReading(state: State, request: FastifyRequest, reply: FastifyReply): FastifyReply | null {
  const { faults } = state;
  const { trigger } = state.trouble;
  if (trigger('forbidden', faults.forbidden)) return refuse(request, reply, 403, faults.forbidden?.message);
  if (faults.quota !== undefined && trigger('quota', faults.quota)) {
    const { limit, used, percentage } = faults.quota;
    return refuse(request, reply, 429, 'Monthly email quota exceeded', { quota: { limit, used, percentage } });
  }
  if (trigger('refuseAll', faults.refuseAll)) return refuse(request, reply, 400, faults.refuseAll?.message);
  return null;
}

/** A fault of one row for which the whole request is refused, without saying which row. */
function faultOfRequest(state: State, contacts: readonly unknown[]): string | null {
  for (const bad of state.badRows) {
    if (bad.mode === 'request' && contacts.some((row) => bad.has(textOf(row, 'email'), textOf(row, 'externalId')))) return bad.message;
  }
  if (state.faults.invalidEmail === 'request' && contacts.some((row) => faultOf(row) === INVALID_EMAIL)) return INVALID_EMAIL;
  return null;
}

function commit(state: State, contacts: readonly unknown[]): object {
  const now = Date.now();
  const failed: FailedRow[] = [];
  let created = 0;
  let updated = 0;
  for (let index = 0; index < contacts.length; index++) {
    const row = contacts[index];
    const fault = faultOf(row) ?? badRow(state, row) ?? null;
    if (fault === null) {
      const stored = state.store.upsert(row as ContactRow, now);
      if (stored === 'created') created += 1;
      else if (stored === 'updated') updated += 1;
      else failed.push(failedRow(index, row, stored.refused));
    } else failed.push(failedRow(index, row, fault));
  }
  return { created, updated, failed: formOf(state.faults.failedForm, failed) };
}

function badRow(state: State, row: unknown): string | null {
  if (state.badRows.length === 0) return null;
  const email = textOf(row, 'email');
  const externalId = textOf(row, 'externalId');
  return state.badRows.find((bad) => bad.has(email, externalId))?.message ?? null;
}

function failedRow(index: number, row: unknown, message: string): FailedRow {
  return { index, email: textOf(row, 'email') ?? null, externalId: textOf(row, 'externalId') ?? null, message };
}

function formOf(form: 'rows' | 'rowsByExternalId' | 'count', failed: readonly FailedRow[]): unknown {
  if (form === 'count') return failed.length;
  if (form === 'rows') return failed.map(({ index, email, message }) => ({ index, email, message }));
  return failed.map(({ externalId, message }) => ({ externalId, error: message }));
}

function contactsOf(body: unknown): readonly unknown[] | null {
  const contacts = typeof body === 'object' && body !== null && 'contacts' in body ? body.contacts : null;
  return Array.isArray(contacts) ? contacts : null;
}

function textOf(row: unknown, name: 'email' | 'externalId'): string | undefined {
  if (typeof row !== 'object' || row === null) return undefined;
  const value = (row as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}
