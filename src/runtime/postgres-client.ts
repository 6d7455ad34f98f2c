import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { RuntimeError, words } from './errors.js';

export interface PostgresAnswer {
  readonly ok: boolean;
  /** SQLSTATE, or the system's code (ECONNREFUSED). */
  readonly code: string | null;
  readonly message: string;
}

/** Connects, asks one thing, leaves. Never throws; `ms` bounds the connecting. */
export async function askPostgres(url: string, statement: string, ms: number): Promise<PostgresAnswer> {
  let client: pg.Client | undefined;
  try {
    client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ms, application_name: 'syncline' });
    // A server that dies under an idle client makes it emit; without a listener that would end the process.
    client.on('error', () => undefined);
    await client.connect();
    await client.query(statement);
    return { ok: true, code: null, message: '' };
  } catch (error) {
    return { ok: false, code: (error as { code?: string }).code ?? null, message: words(error) };
  } finally {
    await client?.end().catch(() => undefined);
  }
}

/** Host, port and database of a Postgres URL: what may be shown of it. */
export function describePostgres(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    return `${hostname || 'localhost'}:${port || '5432'}${pathname}`;
  } catch {
    return 'the configured address';
  }
}

/**
 * Waits until the configured server takes a connection, for at most `ms` milliseconds.
 * @throws RuntimeError `misconfigured` at once where it refuses us, `unreachable` where it does not answer
 */
export async function awaitPostgres(url: string, ms: number, report: (line: string) => void): Promise<void> {
  const place = describePostgres(url);
  let told = false;
  for (const end = Date.now() + ms; ;) {
    const answer = await askPostgres(url, 'SELECT 1', Math.min(10_000, Math.max(1_000, end - Date.now())));
    if (answer.ok) return;
    // 28: not let in; 3D: no such database; 42: no right to it. Waiting does not help.
    if (answer.code !== null && /^(28|3D|42)/.test(answer.code) && answer.code.length === 5) {
      throw new RuntimeError('misconfigured', `Postgres at ${place} refuses the connection: ${answer.message}`, 'check user, password and database in database.url');
    }
    if (Date.now() >= end) {
      throw new RuntimeError('unreachable', `Postgres at ${place} was not reached: ${answer.message}`, 'check database.url and that the server is up');
    }
    if (!told) report(`waiting for Postgres at ${place}: ${answer.message}`);
    told = true;
    await delay(Math.min(500, Math.max(10, end - Date.now())));
  }
}
