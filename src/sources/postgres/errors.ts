import { databaseWords as wordsOf, isPasswordMissing, isSqlState, isTlsTrouble } from '../../postgres/index.js';
import { SourceError } from '../contract.js';

/** Where a URL points, without user or password. */
export const databaseWords = (url: string): string => wordsOf(url, 'the Postgres source');

/** SQLSTATE (or its class) → what to do. Anything else is taken for a server in trouble and tried again. */
const HINTS: readonly (readonly [prefix: string, hint: string])[] = [
  ['28', 'check user and password in the source\'s url, and the server\'s pg_hba.conf'],
  ['3D', 'check the database\'s name in the source\'s url'],
  ['42501', 'grant the role USAGE on the schema and SELECT on the table'],
  ['42P01', 'check table (schema-qualified, letters as they are in the database) or query'],
  ['3F', 'check the schema\'s name'],
  ['42', 'check table or query, key and updatedAt of the source'],
  ['22', 'a value could not be computed or converted: try the query in psql'],
  ['0A', 'the server cannot do what table or query asks for'],
  ['25006', 'the query writes; a source only reads'],
];

/**
 * Sorts a failure of pg. The server's words are passed on only for classes of errors that speak of names and rights;
 * those about data may quote a row.
 */
export function toSourceError(error: unknown, where: string): SourceError {
  if (error instanceof SourceError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const state = typeof code === 'string' ? code : '';
  const words = typeof message === 'string' ? message : '';
  const hint = isSqlState(state) ? HINTS.find(([prefix]) => state.startsWith(prefix))?.[1] : undefined;
  if (hint !== undefined) {
    const detail = state.startsWith('22') ? `a data error (SQLSTATE ${state})` : words;
    return new SourceError('misconfigured', `${where}: ${detail}`, hint);
  }
  if (isTlsTrouble(state, words)) {
    return new SourceError('misconfigured', `${where}: ${words}`, 'set sslmode in the source\'s url (disable, require, verify-full) to what the server speaks');
  }
  if (isPasswordMissing(words)) {
    return new SourceError('misconfigured', `${where}: the server asks for a password and the url has none that works`, 'check user and password in the source\'s url');
  }
  const why = state === 'ECONNREFUSED' ? 'nobody listens there' : words || state || 'the connection failed';
  return new SourceError('unreachable', `${where}: ${why}`, 'check host and port in the source\'s url and that the server runs');
}
