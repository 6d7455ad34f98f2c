import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { openRuntime, type Runtime } from '../../src/runtime/index.js';

export interface TestDatabase {
  readonly url: string;
  /** Removes it, cutting what is still connected. */
  drop(): Promise<void>;
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

/** A runtime over the suite's Temporal and the given database, with a task queue no other test uses. */
export function suiteRuntime(databaseUrl: string, taskQueue = `test-${randomBytes(6).toString('hex')}`): Promise<Runtime> {
  return openRuntime({
    directory: '/',
    database: { url: databaseUrl },
    temporal: { address: inject('temporalAddress'), namespace: 'default', taskQueue },
    report: () => undefined,
  });
}
