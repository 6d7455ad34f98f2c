import pg from 'pg';
import type { CustomTypesConfig } from 'pg';
import { cancelRunning, cutConnection, newClient as connection } from '../../postgres/index.js';
import { SourceError } from '../contract.js';
import { databaseWords, toSourceError } from './errors.js';

const BOOL = 16;
const NUMBERS = new Set([21, 23, 26, 700, 701]);
const JSONS = new Set([114, 3802]);
/** bool[], int2[], int4[], text[], varchar[], float4[], float8[] */
const LISTS = new Set([1000, 1005, 1007, 1009, 1015, 1021, 1022]);

const asText = (value: string): string => value;

/**
 * How values arrive: booleans, small numbers, JSON and plain lists as such; all else (timestamps, dates, numerics,
 * bigints, uuids, bytea …) as Postgres's own text, since a Date loses microseconds and a double loses digits.
 */
const types: CustomTypesConfig = {
  getTypeParser: (oid: number) => {
    if (oid === BOOL) return (value: string) => value === 't';
    if (NUMBERS.has(oid)) return Number;
    if (JSONS.has(oid)) return JSON.parse;
    return LISTS.has(oid) ? pg.types.getTypeParser(oid) : asText;
  },
};

/**
 * The session's settings hold for one transaction, so that they also reach their mark behind a pooler that hands
 * out a connection a transaction. Time limits a server sets for its people would cut a long read.
 */
const BEGIN = `BEGIN READ ONLY;
SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`;

export interface Session {
  readonly client: pg.Client;
  /** Rows as lists, one statement; failures as {@link SourceError}. */
  rows(text: string, values?: readonly unknown[]): Promise<unknown[][]>;
  /** Starts the read-only transaction in which the settings hold. */
  begin(): Promise<void>;
  /** What goes wrong in `work`, in words; where `signal` fired, its reason. */
  guard<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Connects; the session ends promptly (and its statement on the server too) when `signal` fires. */
export async function openSession(url: string, signal: AbortSignal): Promise<Session> {
  signal.throwIfAborted();
  const client = newClient(url);
  let ending: Promise<unknown> | null = null;
  let connected = false;
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw toSourceError(error, databaseWords(url));
    }
  };
  const abort = (): void => {
    ending = connected ? cancelRunning(url, client) : Promise.resolve();
    cutConnection(client);
  };
  signal.addEventListener('abort', abort, { once: true });
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', abort);
    if (ending === null) await client.end().catch(() => undefined);
    else await ending;
  };
  try {
    await guard(() => client.connect());
    connected = true;
  } catch (error) {
    signal.removeEventListener('abort', abort);
    cutConnection(client);
    throw error;
  }
  const rows = (text: string, values: readonly unknown[] = []): Promise<unknown[][]> =>
    guard(async () => (await client.query<unknown[]>({ text, values: [...values], rowMode: 'array', types })).rows);
  const begin = (): Promise<void> => guard(async () => void (await client.query(BEGIN)));
  return { client, rows, begin, guard, close };
}

export const rowTypes = types;

function newClient(url: string): pg.Client {
  try {
    return connection(url);
  } catch {
    throw new SourceError('misconfigured', 'the url of the Postgres source cannot be understood', 'write it as postgres://user:password@host:5432/database');
  }
}
