import { isPasswordMissing, isSqlState, isTlsTrouble } from '../../postgres/index.js';
import { maskPersonal, maskValues, wordsOfError } from '../../http/index.js';
import type { Outcome, OutgoingRow, RowFailure } from '../contract.js';
import { personalValues } from '../http/index.js';
import type { Phase } from './session.js';

/** What pg tells of an error, as far as it is there. `detail` and `where` quote rows and are never looked at. */
interface Told {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly column?: unknown;
  readonly constraint?: unknown;
  readonly routine?: unknown;
}

const told = (error: unknown): Told => (typeof error === 'object' && error !== null ? error : {});
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const startsWithOne = (state: string, prefixes: readonly string[]): boolean => prefixes.some((prefix) => state.startsWith(prefix));

/** Two keys of one call that the database takes for one (`1` and `01` in a column of numbers): they are written one after the other. */
export const SAME_KEY = { code: '21000', message: 'two keys of the call are one in the database' };

/**
 * Classes of errors that are not the rows' own: connections, concurrency, resources, the server itself; a read-only
 * session (a replica, for the moments of a failover). Whatever else there is, the codes of triggers among it, is.
 */
const TROUBLE = ['08', '25', '40', '53', '55', '57', '58', 'XX'];
/** Names and rights. */
const SETTINGS = ['0A', '0L', '0P', '26', '2B', '3D', '3F', '42'];
/** Log-in. */
const LOGIN = ['28'];
/** Row-level security has the code of a missing right, and is about one row. */
const ROW_SECURITY = 'ExecWithCheckOptions';

/** Whether an error is about what is in the rows: then the others are not to pay for it. */
export function isOfRows(error: unknown): boolean {
  const { code, routine } = told(error);
  const state = text(code);
  if (!isSqlState(state)) return false;
  return state === '40002' || (state === '42501' && routine === ROW_SECURITY) || !startsWithOne(state, [...TROUBLE, ...SETTINGS, ...LOGIN]);
}

const NAMES: Readonly<Record<string, readonly [code: string, words: string]>> = {
  22001: ['value_too_long', 'a value is too long'],
  22003: ['out_of_range', 'a number is out of range'],
  22007: ['invalid_time', 'a value is no date or time'],
  22008: ['time_out_of_range', 'a date or time is out of range'],
  '22P02': ['invalid_value', 'a value is not one of its column\'s type'],
  23502: ['not_null_violation', 'a column that must not be empty would be'],
  23503: ['foreign_key_violation', 'a row is missing or in use that it refers to'],
  23505: ['unique_violation', 'another row has the same value'],
  23514: ['check_violation', 'a check does not hold'],
  '23P01': ['exclusion_violation', 'another row excludes it'],
  P0001: ['raised', ''],
  42501: ['row_security', 'row-level security does not allow it'],
  44000: ['check_option', 'a check option does not hold'],
};

/**
 * Why a row was refused. Postgres quotes values in many of its messages, so the words are ours, with the names of column
 * and constraint; only what a trigger raises is passed on, masked.
 * @param blamed the columns that were found not to take their value
 */
export function failureOf(error: unknown, row: OutgoingRow, blamed: readonly string[]): RowFailure {
  const { code, message, column, constraint } = told(error);
  const state = text(code);
  const [name, words] = NAMES[state] ?? [`sqlstate_${state.toLowerCase()}`, ''];
  const raised = words === '' && !startsWithOne(state, ['22', '23']) ? maskValues(text(message), [...personalValues(row), row.key]) : '';
  const places = [
    ...(text(column) === '' ? blamed : [text(column)]).map((one) => `column ${one}`),
    ...(text(constraint) === '' ? [] : [`constraint ${text(constraint)}`]),
  ];
  const reason = raised || words || 'the database refused the row';
  return { ord: row.ord, code: name, reason: places.length === 0 ? `${reason} (SQLSTATE ${state})` : `${reason}: ${places.join(', ')} (SQLSTATE ${state})` };
}

/** Where the words of a hint come from. */
export interface Place {
  /** `Postgres at db.internal:5432, database crm`. */
  readonly where: string;
  readonly table: string;
  /** What the role needs for what was tried. */
  readonly rights: string;
}

/**
 * What an error means that ended a call. Nothing is in the database unless the COMMIT had left: only then nobody knows.
 * An answer of the server to a COMMIT is a refusal of it, but for the words of a server that is being shut down, which
 * may come after the deed.
 */
export function outcomeOf(error: unknown, phase: Phase, { where, table, rights }: Place): Outcome {
  const { code, message } = told(error);
  const state = text(code);
  const known = isSqlState(state);
  const said = known ? maskPersonal(text(message)) : isTlsTrouble(state, text(message)) || isPasswordMissing(text(message)) ? text(message) : wordsOf(error);
  if (phase === 'committed' || (phase === 'committing' && (!known || startsWithOne(state, ['08', '57', 'XX'])))) {
    return { kind: 'unknown', message: `${where} gave no answer to the COMMIT: ${said}`, httpStatus: null };
  }
  const words = `${where}: ${said}`;
  const misconfigured = (hint: string): Outcome => ({ kind: 'misconfigured', message: words, hint, httpStatus: 0 });
  if (known) {
    if (startsWithOne(state, LOGIN)) return { kind: 'unauthenticated', message: words, hint: 'check user and password in the destination\'s url, and the server\'s pg_hba.conf', httpStatus: 0 };
    if (state === '42501') return misconfigured(`grant the role USAGE on the schema and ${rights} on ${table}`);
    if (state.startsWith('3D')) return misconfigured('check the database\'s name in the destination\'s url');
    if (startsWithOne(state, SETTINGS)) return misconfigured('check table, key and columns of the destination');
    if (startsWithOne(state, TROUBLE)) return { kind: 'unavailable', message: words, httpStatus: null };
    return { kind: 'refused', message: `${where}: the rows were refused as a whole (SQLSTATE ${state})`, httpStatus: 0 };
  }
  if (isTlsTrouble(state, text(message))) return misconfigured('set sslmode in the destination\'s url (disable, require, verify-full) to what the server speaks');
  if (isPasswordMissing(text(message))) return { kind: 'unauthenticated', message: `${where}: the server asks for a password and the url has none that works`, hint: 'check user and password in the destination\'s url', httpStatus: 0 };
  return { kind: 'unavailable', message: `${words}; nothing was written`, httpStatus: null };
}

/** Errors without an SQLSTATE: of sockets, of pg itself, of a signal. */
function wordsOf(error: unknown): string {
  const { code, message } = told(error);
  if (text(code) !== '') return wordsOfError(error);
  return maskPersonal(text(message)) || 'the connection failed';
}
