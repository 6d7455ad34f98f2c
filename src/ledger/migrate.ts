import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

/** One number for every Syncline process: whoever migrates holds it, the others wait. */
const MIGRATION_LOCK = 7_962_004_173_311;

/**
 * Brings the schema `syncline` up to date. Safe to call from many processes at once: one migrates, the others wait.
 * @throws the database's own error, for example when the role may not create a schema
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'syncline-migrate', connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runner({
      dbClient: client,
      dir: fileURLToPath(new URL('./migrations', import.meta.url)),
      direction: 'up',
      schema: 'syncline',
      createSchema: true,
      migrationsTable: 'migration',
      migrationsSchema: 'syncline',
      checkOrder: true,
      noLock: true,
      log: () => undefined,
    });
  } finally {
    await client.end();
  }
}
