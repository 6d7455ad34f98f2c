import pg from 'pg';

/** Counts and ids of the ledger stay far below 2^53. */
const types = new pg.TypeOverrides();
types.setTypeParser(20, Number);
// Times stay text with their microseconds: a Date would cut them to milliseconds.
for (const oid of [1114, 1184]) types.setTypeParser(oid, (text) => text);

export type Pool = pg.Pool;
export type Connection = pg.PoolClient;
/** Anything one statement can be run on. */
export type Queryable = Pick<pg.Pool, 'query'>;

/**
 * A pool of connections that see only the ledger's schema.
 * @param max connections at most
 */
export function createPool(databaseUrl: string, max: number): Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max,
    types,
    application_name: 'syncline',
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // Tables grow from nothing to millions within a run: a plan made for the empty one must not be kept.
    options: '-c search_path=syncline -c TimeZone=UTC -c DateStyle=ISO,YMD -c jit=off -c plan_cache_mode=force_custom_plan',
  });
  // A server that goes away closes idle connections; the next query reports it to whoever asks.
  pool.on('error', () => undefined);
  return pool;
}

const RETRIABLE = new Set(['40001', '40P01']);

/** Runs `work` in one transaction; once more when it lost a deadlock. Rolls back on any error. */
export async function transaction<T>(pool: Pool, work: (connection: Connection) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const connection = await pool.connect();
    // A connection cut while it is ours reports by the failing query; without a listener it would end the process.
    const ignore = (): void => undefined;
    connection.on('error', ignore);
    let broken: Error | undefined;
    try {
      await connection.query('BEGIN');
      const result = await work(connection);
      await connection.query('COMMIT');
      return result;
    } catch (error) {
      try {
        await connection.query('ROLLBACK');
      } catch (rollbackError) {
        broken = rollbackError as Error;
      }
      if (attempt < 5 && RETRIABLE.has((error as { code?: string }).code ?? '')) continue;
      throw error;
    } finally {
      connection.off('error', ignore);
      connection.release(broken);
    }
  }
}
