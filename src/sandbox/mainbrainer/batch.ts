import type { FastifyReply, FastifyRequest } from 'fastify';
import { callOf } from '../arrivals.js';
import type { Batch, Processed } from './batches.js';
import { refuse, tellWhen } from './guard.js';
import { readRow } from './rows.js';
import type { RowFault } from './rows.js';
import type { State } from './state.js';
import type { ContactRow } from './store.js';

/** doc: contacts a call. */
const MOST = 1000;

interface Request {
  readonly contacts: readonly unknown[];
  readonly listId: string | undefined;
  readonly webhookUrl: string | undefined;
}

/** `POST /contacts/batch`, and all the ways it can go wrong. */
export async function batch(state: State, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const call = callOf(request);
  const { faults, trouble } = state;
  const asked = requestIn(request.body);
  if (typeof asked === 'object') call.rows = asked.contacts.length;
  const before = trouble.before(request, reply, (status) => {
    if (status === 429) tellWhen(state, reply, 1000);
    return refuse(reply, status, status === 429 ? 'Too many requests' : 'Internal server error');
  });
  if ('ended' in before) return before.ended;
  if (trouble.trigger('refuseAll', faults.refuseAll)) return refuse(reply, 422, faults.refuseAll?.message ?? '');
  if (typeof asked === 'string') return refuse(reply, 400, asked);
  if (asked.contacts.length === 0 || asked.contacts.length > MOST) return refuse(reply, 400, `createUpdateContacts must hold 1 to ${MOST} contacts`);
  if (asked.listId !== undefined && !state.lists.has(asked.listId.toLowerCase())) return refuse(reply, 422, 'List with the specified listId does not exist');

  // doc: an error in one contact prevents the processing of all.
  const rows: ContactRow[] = [];
  for (const [index, one] of asked.contacts.entries()) {
    const row = readRow(one);
    const fault = 'status' in row ? row : badRow(state, row);
    if (fault !== null) return refuse(reply, fault.status, named(state, fault.message, index, one));
    rows.push(row as ContactRow);
  }
  const accepted = await accept(state, rows, asked);
  call.committed = true;
  return trouble.after(request, reply, before.hangs, 202, answerOf(state, accepted, rows));
}

function requestIn(body: unknown): Request | string {
  if (typeof body !== 'object' || body === null) return 'request body is required';
  const named = new Map(Object.entries(body).map(([name, value]) => [name.toLowerCase(), value as unknown]));
  const contacts = named.get('createupdatecontacts');
  const listId = named.get('listid') ?? undefined;
  const webhookUrl = named.get('webhookurl') ?? undefined;
  if (!Array.isArray(contacts)) return 'createUpdateContacts is required';
  if (listId !== undefined && typeof listId !== 'string') return 'listId must be a uuid';
  if (webhookUrl !== undefined && !(typeof webhookUrl === 'string' && URL.canParse(webhookUrl))) return 'webhookUrl must be a URL';
  return { contacts, listId, webhookUrl };
}

function badRow(state: State, row: ContactRow): RowFault | null {
  return state.badRows.find(({ picks }) => picks(row.email ?? null, digitsOf(row))) ?? null;
}

function named(state: State, message: string, index: number, row: unknown): string {
  if (state.faults.badRowNamed === 'none') return message;
  if (state.faults.badRowNamed === 'index') return `createUpdateContacts[${index}]: ${message}`;
  const { email } = (typeof row === 'object' && row !== null ? row : {}) as { email?: unknown };
  return typeof email === 'string' ? `${email}: ${message}` : message;
}

/** Takes a batch and sets its processing going. */
async function accept(state: State, rows: readonly ContactRow[], { listId, webhookUrl }: Request): Promise<Batch> {
  const { faults, trouble, batches } = state;
  const { mode, share, delay: webhookDelay } = faults.webhooks;
  const webhook = webhookUrl !== undefined && trouble.trigger('webhooks', { share }) ? mode : 'deliver';
  const failure = trouble.trigger('failedBatches', faults.failedBatches) ? failureOf(faults.failedBatches) : null;
  const early = webhook === 'early';
  const delay = early ? 0 : faults.processing.delay + trouble.random() * faults.processing.jitter;
  const accepted = batches.add(delay, trouble.trigger('statusLost', faults.statusLost));
  const end = (): void => {
    accepted.end = failure === null ? process(state, rows, listId) : { failed: failure };
  };
  const call = async (): Promise<void> => {
    if (webhookUrl !== undefined && accepted.end !== null) await batches.call(webhookUrl, { BatchId: accepted.id, ...counted(accepted.end) });
  };
  if (early) {
    end();
    await call();
    return accepted;
  }
  batches.later(delay, () => {
    end();
    if (webhook === 'lost') return;
    if (webhook === 'delay') {
      batches.later(webhookDelay, () => void call());
      return;
    }
    void call();
    if (webhook === 'double') void call();
  });
  return accepted;
}

function failureOf(fault: State['faults']['failedBatches']): string {
  return (fault !== undefined && 'reason' in fault ? fault.reason : undefined) ?? 'The batch could not be processed';
}

function process(state: State, rows: readonly ContactRow[], listId: string | undefined): Processed {
  const processed: Record<keyof Processed, number[]> = { inserted: [], updated: [], skipped: [] };
  for (const row of rows) {
    if (state.skips?.(row.email ?? null, digitsOf(row)) === true) {
      processed.skipped.push(row.contactId ?? 0);
      continue;
    }
    const { result, contactId } = state.store.write(row, listId, state.properties);
    processed[result].push(contactId);
  }
  return processed;
}

/** doc: how many were inserted, updated and skipped, and their ids; nothing ties an id to its row. */
export function counted(end: NonNullable<Batch['end']>): object {
  if ('failed' in end) return { statusFailedReason: end.failed };
  const part = (ids: readonly number[]): object => ({ count: ids.length, contactIds: ids.filter((id) => id !== 0).sort((a, b) => b - a) });
  return { inserted: part(end.inserted), updated: part(end.updated), skipped: part(end.skipped) };
}

function answerOf(state: State, { id }: Batch, rows: readonly ContactRow[]): object {
  const unknown = new Map(rows.flatMap((row) => row.properties.filter(({ name }) => !state.properties.has(name)).map(({ name, shown }) => [name, shown] as const)));
  const properties = [...unknown.values()];
  const ids = rows.flatMap(({ contactId }) => (contactId === undefined || state.store.has(contactId) ? [] : [contactId]));
  const data =
    state.faults.letterCase === 'page'
      ? { BatchId: id, Processed: null, ContactId: null, InvalidProperties: properties, InvalidContactIds: ids }
      : { batchId: id, processed: null, contactId: null, invalidPropertiesList: properties.map((propertyName) => ({ propertyName })), invalidContactIdList: ids.map(String) };
  return { status: 'Success', message: 'Batch request accepted', data };
}

function digitsOf({ mobile }: ContactRow): string | null {
  return mobile?.replace(' ', '') ?? null;
}
