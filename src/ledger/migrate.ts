import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Queryable } from './database.js';

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));

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
    if (await upToDate(client)) return;
    const { runner } = await import('node-pg-migrate');
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runner({
      dbClient: client,
      dir: MIGRATIONS,
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

/** The migrations of this version, in no order. */
export function migrationNames(): readonly string[] {
  return readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql')).map((name) => name.slice(0, -'.sql'.length));
}

/** Migrations of this version the ledger lacks. @throws the database's own error, also where there is no ledger */
export async function pendingMigrations(db: Queryable): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>('SELECT name FROM migration');
  const applied = new Set(rows.map((row) => row.name));
  return migrationNames().filter((name) => !applied.has(name));
}

/** Whether every migration of this version has been applied: one question, so that a short command stays short. */
async function upToDate(client: pg.Client): Promise<boolean> {
  const wanted = migrationNames();
  const there = await client.query<{ known: boolean }>(`SELECT to_regclass('syncline.migration') IS NOT NULL AS known`);
  if (there.rows[0]?.known !== true) return false;
  const { rows } = await client.query<{ name: string }>('SELECT name FROM syncline.migration');
  const applied = new Set(rows.map((row) => row.name));
  return wanted.every((name) => applied.has(name));
}
