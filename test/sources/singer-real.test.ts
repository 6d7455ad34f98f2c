import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SingerSourceConfig } from '../../src/config/index.js';
import type { SourceState } from '../../src/sources/index.js';
import { createSingerSource } from '../../src/sources/singer/index.js';
import { createDatabase, type TestDatabase } from '../support/runtime.js';
import { readRun, signal } from './helpers.js';

const TAP = 'meltanolabs-tap-postgres==0.10.0';
const SAMPLE = new URL('../../data/adventureworks-contacts.csv', import.meta.url);

const run = promisify(execFile);
const folder = mkdtempSync(path.join(os.tmpdir(), 'syncline-real-tap-'));

/** A virtual environment with the tap; or why there is none. */
async function install(): Promise<string | null> {
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: 60_000 });
    await run(path.join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '--retries', '1', TAP], { timeout: 150_000 });
    return null;
  } catch (error) {
    return (error as Error).message.split('\n', 1)[0] as string;
  }
}

const missing = await install();

describe('a real tap (meltanolabs-tap-postgres) over the sample contacts', () => {
  let database: TestDatabase;
  let client: pg.Client;
  const cleared: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    if (missing !== null) return;
    database = await createDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const rows: Record<string, string>[] = parse(readFileSync(SAMPLE), { columns: true });
    const columns = Object.keys(rows[0]!);
    await client.query(`CREATE TABLE contacts (${columns.map((name) => `${name} ${name === 'updated_at' ? 'timestamptz NOT NULL' : 'text'}`).join(', ')}, PRIMARY KEY (external_id))`);
    await client.query(`INSERT INTO contacts SELECT * FROM json_populate_recordset(NULL::contacts, $1)`, [JSON.stringify(rows)]);
  }, 240_000);

  afterAll(async () => {
    for (const clear of cleared) await clear();
    if (missing === null) {
      await client.end();
      await database.drop();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives all 19,972, then only what changed; and a wrong password is said without it', { timeout: 120_000 }, async ({ skip }) => {
    skip(missing !== null, `the tap could not be installed from PyPI: ${missing ?? ''}`);
    const config = (url: string): SingerSourceConfig => ({
      type: 'singer', name: 'crm', command: [path.join(folder, 'bin', 'tap-postgres')], directory: folder, config: { sqlalchemy_url: url, filter_schemas: ['public'] },
      stream: 'public-contacts', replicationKey: 'updated_at', timeout: 60_000, overlap: 0, pageSize: 2_000, fields: {},
    });
    const source = createSingerSource(config(database.url.replace(/^postgres:/, 'postgresql:')), ['email', 'city', 'opt_in']);
    cleared.push(() => source.close());
    expect(await source.check(signal)).toContain('stream public-contacts, its first record was read');

    const first = await readRun(source);
    expect(first.rows).toHaveLength(19_972);
    expect(new Set(first.keys).size).toBe(19_972);
    const ken = first.rows.find((row) => row.key === '1');
    expect(ken).toMatchObject({ values: ['ken0@adventure-works.com', 'Newport Hills', 'true'], time: '2020-01-07T00:00:00.000000Z' });
    expect(first.state.cursor).toBe(first.rows.map((row) => row.time as string).sort().at(-1));

    await client.query(`UPDATE contacts SET city = 'Oslo', updated_at = '2026-01-01T12:00:00.123456Z' WHERE external_id IN ('7', '8')`);
    const second = await readRun(source, JSON.parse(JSON.stringify(first.state)) as SourceState);
    // The tap starts with its bookmark: who was changed at that very moment comes again.
    const edge = first.rows.filter((row) => row.time === first.state.cursor).length;
    expect(second.rows.length).toBeLessThanOrEqual(edge + 2);
    expect(second.rows.filter((row) => row.values[1] === 'Oslo').map((row) => row.key).sort()).toEqual(['7', '8']);
    expect(second.state.cursor).toBe('2026-01-01T12:00:00.123456Z');

    const wrong = new URL(database.url.replace(/^postgres:/, 'postgresql:'));
    wrong.password = 'not-the-password';
    wrong.port = '1';
    const refused = createSingerSource(config(wrong.href), ['email']);
    const error = await refused.check(signal).then(() => null, (thrown: Error) => thrown);
    expect(error?.message).toMatch(/^source crm: tap tap-postgres: it ended with code 1: /);
    expect(error?.message).not.toContain('not-the-password');
  });
});
