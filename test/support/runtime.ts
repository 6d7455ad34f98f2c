import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type { TemporalConfig } from '../../src/config/index.js';
import { openRuntime, type Runtime } from '../../src/runtime/index.js';

export interface TestDatabase {
  readonly url: string;
  /** Removes it, cutting what is still connected. */
  drop(): Promise<void>;
}

/** A copy of a database as it is now; what is connected is cut, and cannot come back while it is made. */
export async function backUp(url: string): Promise<TestDatabase & { restore(): Promise<void> }> {
  const name = new URL(url).pathname.slice(1);
  const copy = `${name}_copy`;
  const server = inject('databaseUrl');
  const replace = async (to: string, from: string): Promise<void> => {
    for (const one of [to, from]) {
      await onServer(server, `UPDATE pg_database SET datallowconn = false WHERE datname = '${one}'`);
      await onServer(server, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${one}'`);
    }
    await onServer(server, `DROP DATABASE IF EXISTS ${to}`);
    await onServer(server, `CREATE DATABASE ${to} TEMPLATE ${from}`);
    await onServer(server, `UPDATE pg_database SET datallowconn = true WHERE datname IN ('${to}', '${from}')`);
  };
  await replace(copy, name);
  return { url, restore: () => replace(name, copy), drop: () => onServer(server, `DROP DATABASE IF EXISTS ${copy} WITH (FORCE)`) };
}

/** A fresh, empty database of the suite's Postgres. */
export async function createDatabase(): Promise<TestDatabase> {
  const server = inject('databaseUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A runtime over the suite's Temporal and the given database, by default with a task queue no other test uses. */
export function suiteRuntime(
  databaseUrl: string,
  temporal: Omit<TemporalConfig, 'address' | 'namespace'> = { taskQueue: `test-${randomBytes(6).toString('hex')}` },
): Promise<Runtime> {
  return openRuntime({
    directory: '/',
    database: { url: databaseUrl },
    temporal: { ...temporal, address: inject('temporalAddress'), namespace: 'default' },
    report: () => undefined,
  });
}
