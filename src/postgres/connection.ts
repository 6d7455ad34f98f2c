import pg from 'pg';

/**
 * A client that is not connected yet; connecting takes `connectMs` milliseconds at most.
 * @throws whatever pg throws for a text that is no URL
 */
export function newClient(url: string, connectMs = 10_000): pg.Client {
  const client = new pg.Client({ connectionString: url, application_name: 'syncline', connectionTimeoutMillis: connectMs, keepAlive: true });
  // Without a listener a connection lost between two statements would end the process; the next statement reports it.
  client.on('error', () => undefined);
  return client;
}

/** Cuts a connection at once: pg has no public way, `end()` waits for the running statement. */
export function cutConnection(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/**
 * Ends a client's statement on the server, which would not notice the closed connection before it next writes. Best
 * effort: where the server is gone or refuses, it ends the statement itself when it writes to the closed connection.
 */
export async function cancelRunning(url: string, client: pg.Client, connectMs?: number): Promise<void> {
  const { processID } = client as unknown as { processID: number | null };
  if (processID === null) return;
  const other = newClient(url, connectMs);
  try {
    await other.connect();
    await other.query('SELECT pg_cancel_backend($1)', [processID]);
  } catch {
    // Said above.
  } finally {
    await other.end().catch(() => undefined);
  }
}
