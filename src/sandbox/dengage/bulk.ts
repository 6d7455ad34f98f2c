import type { FastifyReply, FastifyRequest } from 'fastify';
import { callOf } from '../arrivals.js';
import { refuse } from './guard.js';
import { COLUMNS, faultOf } from './rows.js';
import type { State } from './state.js';

/** doc: records a call. */
const MOST = 1000;
const ABSENT = 'contact_key does not exist in master_contact';

interface Request {
  readonly columns: readonly string[];
  readonly records: readonly unknown[];
  readonly insert: boolean;
  readonly strict: boolean;
}

/** A remark on one record. */
interface Remark {
  readonly index: number;
  readonly key: unknown;
  readonly message: string;
}

/** `POST /rest/bulk/contacts`, and all the ways it can go wrong. */
export async function bulk(state: State, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const call = callOf(request);
  const { faults, trouble } = state;
  const asked = requestIn(request.body);
  if (asked !== null) call.rows = asked.records.length;
  const before = trouble.before(request, reply, (status) => refuse(reply, status, status === 429 ? 'too many requests' : 'Internal server error'));
  if ('ended' in before) return before.ended;
  if (trouble.trigger('refuseAll', faults.refuseAll)) return refuse(reply, 400, faults.refuseAll?.message ?? '');
  if (asked === null) return refuse(reply, 400, 'columns and contactDatas are required');
  const fault = faultOfCall(state, asked);
  if (fault !== null) return refuse(reply, 400, fault);

  const faulty = faultyRecords(state, asked);
  // doc: all data is validated before anything is updated.
  const [first] = faulty.values();
  if (asked.strict && first !== undefined) return refuse(reply, 400, `Invalid record: ${first}`);
  const data = commit(state, asked, faulty);
  call.committed = true;
  return trouble.after(request, reply, before.hangs, 200, { code: 0, message: 'SUCCESS', data });
}

function requestIn(body: unknown): Request | null {
  const { columns, contactDatas, insertIfNotExists, throwExceptionIfInvalidRecord } = (body ?? {}) as Record<string, unknown>;
  if (!Array.isArray(columns) || !Array.isArray(contactDatas) || !columns.every((one) => typeof one === 'string')) return null;
  // doc: the defaults of both flags.
  return { columns, records: contactDatas, insert: insertIfNotExists === true, strict: throwExceptionIfInvalidRecord !== false };
}

function faultOfCall(state: State, { columns, records, insert }: Request): string | null {
  if (records.length === 0 || records.length > MOST) return `contactDatas must have 1 to ${MOST} records`;
  if (!columns.includes('contact_key')) return 'columns must include contact_key';
  const stranger = columns.find((column) => !COLUMNS.has(column) && !state.faults.columns.includes(column));
  if (stranger !== undefined) return `Column ${stranger} does not exist or is not import-enabled`;
  if (new Set(columns).size < columns.length) return 'columns must not repeat';
  if (insert && columns.includes('new_contact_key')) return 'new_contact_key cannot be used with insertIfNotExists=true';
  for (const record of records) {
    const message = state.badCalls.get(keyOf(record));
    if (message !== undefined) return message;
  }
  return null;
}

/** Position → what is wrong with the record. */
function faultyRecords(state: State, { columns, records }: Request): Map<number, string> {
  const listed = new Set(columns);
  const faulty = new Map<number, string>();
  records.forEach((record, index) => {
    const fault = faultOf(record, listed) ?? state.badRows.get(keyOf(record));
    if (fault !== undefined) faulty.set(index, fault);
  });
  return faulty;
}

function commit(state: State, { columns, records, insert }: Request, faulty: ReadonlyMap<number, string>): object {
  const { store, faults } = state;
  const errors: Remark[] = [];
  const warnings: Remark[] = [];
  const inserted: string[] = [];
  const updated: string[] = [];
  // doc: a contact_key twice in a call: the last wins.
  const last = new Map(records.map((record, index) => [keyOf(record), index]));
  records.forEach((record, index) => {
    const key = keyOf(record);
    const fault = faulty.get(index);
    if (fault !== undefined) {
      errors.push({ index, key, message: fault });
      return;
    }
    if (last.get(key) !== index) return;
    const result = store.write(record as Record<string, unknown>, columns, insert);
    if (result === 'inserted') inserted.push(key);
    else if (result === 'updated') updated.push(key);
    else if (result !== 'absent') errors.push({ index, key, message: result.refused });
    else if (faults.absentAs === 'error') errors.push({ index, key, message: ABSENT });
    const remark = result === 'inserted' || result === 'updated' ? state.warnings.get(key) : undefined;
    if (remark !== undefined) warnings.push({ index, key, message: remark });
  });
  return { inserted: listOf(faults.listShape, inserted), updated: listOf(faults.listShape, updated), errors: remarksOf(faults.errorShape, errors), warnings: remarksOf(faults.errorShape, warnings) };
}

function listOf(shape: State['faults']['listShape'], keys: readonly string[]): unknown {
  if (shape === 'count') return keys.length;
  return shape === 'keys' ? keys : keys.map((key) => ({ contact_key: key }));
}

function remarksOf(shape: State['faults']['errorShape'], remarks: readonly Remark[]): unknown {
  switch (shape) {
    case 'object':
      return remarks.map(({ key, message }) => ({ contact_key: key, error: message }));
    case 'string':
      return remarks.map(({ key, message }) => `${String(key)}: ${message}`);
    case 'keyed':
      return Object.fromEntries(remarks.map(({ key, message }) => [String(key), [message]]));
    case 'index':
      return remarks.map(({ index, message }) => ({ index, message }));
    case 'count':
      return remarks.length;
  }
}

function keyOf(record: unknown): string {
  const key = typeof record === 'object' && record !== null ? (record as Record<string, unknown>)['contact_key'] : undefined;
  return typeof key === 'string' ? key : '';
}
