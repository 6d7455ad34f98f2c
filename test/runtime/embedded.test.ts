import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { findRunning, openRuntime, placesOf } from '../../src/runtime/index.js';
import { identify, isAlive, startOf, waitForExit } from '../../src/runtime/processes.js';
import { Bench, eventually, optionsFor } from './support.js';

const bench = new Bench();
afterAll(() => bench.end());

async function ask<T extends pg.QueryResultRow>(url: string, statement: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<T>(statement)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function gone(pid: number): Promise<boolean> {
  const id = identify(pid);
  return id === null || waitForExit(id, 10_000);
}

describe('one command after another', { timeout: 240_000 }, () => {
  test('a restart keeps rows and workflows, on the same ports', async () => {
    const directory = bench.installation();
    const first = await openRuntime(optionsFor(directory));
    await ask(first.databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.client.workflow.start('nothing', { workflowId: 'kept', taskQueue: 'nobody' });
    const before = { database: first.databaseUrl, temporal: first.temporalAddress };
    expect(first.searchAttributes).toBe(true);
    await first.close();
    expect(findRunning(directory)).toBeNull();

    const second = await openRuntime(optionsFor(directory));
    try {
      expect({ database: second.databaseUrl, temporal: second.temporalAddress }).toEqual(before);
      expect(await ask(second.databaseUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      expect((await second.client.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
    } finally {
      await second.close();
    }
  });

  test('what a command killed with its services left behind does not block the next start', async () => {
    const directory = bench.installation();
    const command = bench.command(directory);
    const { postgres, temporal, databaseUrl } = await command.opened();
    await ask(databaseUrl, 'CREATE TABLE kept AS SELECT 1 AS one');
    // A backend that is busy outlives its killed server and holds the shared memory.
    const busy = ask(databaseUrl, 'SELECT count(*) FROM generate_series(1, 300000000)').catch(() => 'cut');
    await eventually(async () => (await ask(databaseUrl, "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%300000000%' AND pid <> pg_backend_pid()"))[0] ?? null);
    await command.kill();
    process.kill(postgres, 'SIGKILL');
    process.kill(temporal, 'SIGKILL');
    await gone(postgres);

    const runtime = await openRuntime(optionsFor(directory));
    try {
      expect(await busy).toBe('cut');
      expect(await ask(runtime.databaseUrl, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
    } finally {
      await runtime.close();
    }
  });

  test('services orphaned by SIGKILL are adopted, and stopped by their new user', async () => {
    const directory = bench.installation();
    const command = bench.command(directory);
    const left = await command.opened();
    await command.kill();
    expect(startOf(left.postgres)).not.toBeNull();

    const runtime = await openRuntime(optionsFor(directory));
    expect(findRunning(directory)).toMatchObject({ postgres: { pid: left.postgres }, temporal: { pid: left.temporal }, users: [process.pid] });
    await runtime.close();
    expect([startOf(left.postgres), startOf(left.temporal)]).toEqual([null, null]);
  });

  test('services nobody noted down are not fought over', async () => {
    const directory = bench.installation();
    const command = bench.command(directory);
    const left = await command.opened();
    await command.kill();
    rmSync(placesOf(directory).state);

    const runtime = await openRuntime(optionsFor(directory));
    const running = findRunning(directory);
    expect(running?.postgres?.pid).toBe(left.postgres);
    expect(startOf(left.temporal)).toBeNull();
    await runtime.close();
    expect(startOf(left.postgres)).toBeNull();
  });

  test('a taken port is passed over for another', async () => {
    const directory = bench.installation();
    const first = await openRuntime(optionsFor(directory, { need: { temporal: false } }));
    const port = Number(new URL(first.databaseUrl).port);
    await first.close();
    const squatter = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const second = await openRuntime(optionsFor(directory, { need: { temporal: false } }));
    try {
      expect(new URL(second.databaseUrl).port).not.toBe(String(port));
      expect(await ask(second.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(() => second.client).toThrow('without Temporal');
    } finally {
      await second.close();
      squatter.close();
    }
  });
});

describe('commands at once', { timeout: 240_000 }, () => {
  test('they start together and share; the first one’s end stops nothing, the last one’s everything', async () => {
    const directory = bench.installation();
    const [one, two] = [bench.command(directory), bench.command(directory)];
    const [a, b] = await Promise.all([one.opened(), two.opened()]);
    expect(a).toEqual(b);
    expect([...one.reports, ...two.reports].filter((line) => line === 'starting Postgres…')).toHaveLength(1);
    await one.finish();
    expect(await ask(b.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(findRunning(directory)?.users).toEqual([two.child.pid]);
    await two.finish();
    expect([startOf(b.postgres), startOf(b.temporal)]).toEqual([null, null]);
  });

  test('a killed service comes back on its port, started by one of its users only', async () => {
    const directory = bench.installation();
    const other = bench.command(directory);
    const before = await other.opened();
    const reports: string[] = [];
    const runtime = await openRuntime(optionsFor(directory, { report: (line) => reports.push(line) }));
    try {
      process.kill(before.postgres, 'SIGKILL');
      process.kill(before.temporal, 'SIGKILL');
      const after = await eventually(() => {
        const running = findRunning(directory);
        return running?.postgres && running.temporal ? running : null;
      });
      expect(after.temporal?.address).toBe(before.temporalAddress);
      expect(String(after.postgres?.port)).toBe(new URL(before.databaseUrl).port);
      await eventually(() => ask(before.databaseUrl, 'SELECT 1').catch(() => null));
      await eventually(() => runtime.connection.withDeadline(Date.now() + 2_000, () => runtime.connection.workflowService.getSystemInfo({})).catch(() => null));
      const starts = [...reports, ...other.reports].filter((line) => line === 'starting Temporal…');
      expect(starts).toHaveLength(2);
      expect(runtime.temporalAddress).toBe(before.temporalAddress);
      expect(findRunning(directory)?.users).toHaveLength(2);
    } finally {
      await runtime.close();
      await other.finish();
    }
    const id = identify(before.postgres);
    expect(id !== null && isAlive(id)).toBe(false);
    expect(findRunning(directory)).toBeNull();
  });
});
