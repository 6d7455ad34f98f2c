import { cancelRunning, cutConnection, newClient } from '../../postgres/index.js';

/**
 * Connecting, and a statement on the server, last no longer than a call may. What a role has set must not bend values
 * (time zone, date style), and a deferred constraint must be found while its row can still be told from the others.
 * unknown: what a connection pooler makes of settings; those of one transaction hold behind any of them.
 */
const begin = (timeout: number, readOnly: boolean): string => `BEGIN ISOLATION LEVEL READ COMMITTED${readOnly ? ' READ ONLY' : ''};
SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL statement_timeout = ${timeout}; SET LOCAL idle_in_transaction_session_timeout = ${timeout}; SET CONSTRAINTS ALL IMMEDIATE`;

/** How far a session has come: until its COMMIT has left, what fails is certainly not written. */
export type Phase = 'connecting' | 'open' | 'committing' | 'committed';

/** Milliseconds: how long the attempt to cancel an abandoned statement may take to connect. */
const CANCEL_MS = 2000;

/** One connection with one transaction. Methods reject with what pg throws. */
export interface Session {
  readonly phase: Phase;
  /** Rows as lists. */
  rows(text: string, values?: readonly unknown[]): Promise<unknown[][]>;
  /** @returns false where the server rolled back instead, and said nothing of it */
  commit(): Promise<boolean>;
}

/** What `work` gave, or why it failed and how far it had come. */
export type Worked<T> = { readonly done: T } | { readonly error: unknown; readonly phase: Phase };

export interface SessionOptions {
  readonly url: string;
  /** Milliseconds a statement may take. */
  readonly timeout: number;
  readonly readOnly?: boolean;
  readonly signal: AbortSignal;
  /** Told of work that goes on after the answer: the cancelling of an abandoned statement. */
  readonly later: (work: Promise<void>) => void;
}

/**
 * Connects, begins, works, and closes. Never rejects. When `signal` fires the connection is cut at once, and the
 * statement cancelled behind it.
 */
export async function inSession<T>({ url, timeout, readOnly = false, signal, later }: SessionOptions, work: (session: Session) => Promise<T>): Promise<Worked<T>> {
  let phase: Phase = 'connecting';
  let client: ReturnType<typeof newClient>;
  try {
    client = newClient(url);
  } catch (error) {
    return { error, phase };
  }
  const abort = (): void => {
    if (phase === 'open') later(cancelRunning(url, client, CANCEL_MS));
    cutConnection(client);
  };
  signal.addEventListener('abort', abort, { once: true });
  const rows: Session['rows'] = async (text, values = []) => (await client.query<unknown[]>({ text, values: [...values], rowMode: 'array' })).rows;
  try {
    signal.throwIfAborted();
    await client.connect();
    phase = 'open';
    signal.throwIfAborted();
    await client.query(begin(timeout, readOnly));
    const done = await work({
      get phase() { return phase; },
      rows,
      async commit() {
        signal.throwIfAborted();
        phase = 'committing';
        const { command } = await client.query('COMMIT');
        phase = 'committed';
        return command === 'COMMIT';
      },
    });
    return { done };
  } catch (error) {
    return { error, phase };
  } finally {
    if (signal.aborted) cutConnection(client);
    else await client.end().catch(() => undefined);
    signal.removeEventListener('abort', abort);
  }
}
