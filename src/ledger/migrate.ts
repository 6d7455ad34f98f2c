import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Queryable } from './database.js';

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));

/** One number for every Syncline process: whoever migrates holds it, the others wait. */
const MIGRATION_LOCK = 7_962_004_173_311;
/** A migration keeps others waiting behind it for so long at most, and is tried again after a pause, for so long in all. Milliseconds. */
const LOCK_MS = 2_000;
const PAUSE_MS = 500;
const PATIENCE_MS = 120_000;
/** Postgres: lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

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
    // A change of a table waits for whoever uses it, and everybody else waits behind it: rather given up and tried again.
    await client.query(`SET lock_timeout = '${String(LOCK_MS)}ms'`);
    await patiently(client, () => runner({
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
    }));
  } finally {
    await client.end();
  }
}

/** Tries again while another session has a table. */
async function patiently(client: pg.Client, work: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ;) {
    try {
      await work();
      return;
    } catch (error) {
      const locked = (error as { readonly code?: unknown }).code === LOCK_NOT_AVAILABLE;
      if (!locked || Date.now() > end) throw error;
      // What failed leaves its transaction open.
      await client.query('ROLLBACK');
      await sleep(PAUSE_MS);
    }
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
