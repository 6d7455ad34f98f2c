import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { openRuntime, placesOf, stopOrphans } from '../../src/runtime/index.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL of the suite's Postgres. Tests make databases of their own: `createDatabase()`. */
    databaseUrl: string;
    temporalAddress: string;
  }
}

const PREFIX = 'syncline-suite-';

/** One Postgres and one Temporal for the whole suite, in a folder of their own, gone at its end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweep();
  const directory = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  const runtime = await openRuntime({
    directory,
    database: null,
    temporal: { address: null, namespace: 'default', taskQueue: 'syncline' },
    report: () => undefined,
    env: { ...process.env, TEMPORAL_ADDRESS: '' },
  });
  await forgetful(runtime.databaseUrl);
  project.provide('databaseUrl', runtime.databaseUrl);
  project.provide('temporalAddress', runtime.temporalAddress);
  return async () => {
    await runtime.close();
    rmSync(directory, { recursive: true, force: true });
  };
}

/** Nothing of the suite's server need outlive a power cut; each DROP DATABASE waited seconds for the disk. */
async function forgetful(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // In a query of its own: several in one are a transaction, where it is not allowed.
    await client.query('ALTER SYSTEM SET fsync = off');
    await client.query('SELECT pg_reload_conf()');
  } finally {
    await client.end();
  }
}

/** What an earlier suite left that was killed. A folder younger than a minute may be another suite's that starts. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(os.tmpdir())) {
    const directory = path.join(os.tmpdir(), name);
    if (!name.startsWith(PREFIX) || Date.now() - statSync(directory).mtimeMs < 60_000) continue;
    if (await stopOrphans(placesOf(directory))) rmSync(directory, { recursive: true, force: true });
  }
}
