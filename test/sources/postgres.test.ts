import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PostgresSourceConfig } from '../../src/config/index.js';
import { createSource, SourceError } from '../../src/sources/index.js';
import { createDatabase, type TestDatabase } from '../support/runtime.js';
import { collect, postgresConfig, readInPieces, readRun, signal } from './helpers.js';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(async () => {
  await client.query(`DROP TABLE IF EXISTS contacts CASCADE;
    CREATE TABLE contacts (id text, email text, updated_at timestamptz)`);
});

const source = (more: Partial<PostgresSourceConfig> = {}, columns: string[] = ['email']) => createSource(postgresConfig(database.url, more), columns);

/** `count` rows a second apart, ending at `end`. */
const fill = (count: number, end = `now() - interval '1 hour'`) =>
  client.query(`INSERT INTO contacts SELECT lpad(i::text, 6, '0'), i || '@x.co', ${end} - (${count} - i) * interval '1 second' FROM generate_series(1, ${count}) i`);

describe('a first run', () => {
  it('reads every row once, in order of time, with microseconds, and ends with a last page', async () => {
    await fill(250);
    const run = await readRun(source());
    expect(run.pages.map((page) => [page.rows.length, page.last])).toEqual([[100, false], [100, false], [50, true]]);
    expect(run.keys).toEqual(Array.from({ length: 250 }, (_, i) => String(i + 1).padStart(6, '0')));
    expect(run.rows[0]!.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(run.rows[0]!.values).toEqual(['1@x.co']);
    expect(run.state.cursor).toBe(run.rows.at(-1)!.time);
  });

  it('of an empty table is one empty last page, and leaves no cursor', async () => {
    const run = await readRun(source());
    expect(run.pages).toEqual([{ rows: [], position: expect.anything() as unknown, last: true }]);
    expect(run.state.cursor).toBeNull();
    expect(run.plan.to).toMatch(/Z$/);
  });
});

describe('the next run', () => {
  it('reads from the cursor less the overlap, and what is newer than its bound only next time', async () => {
    await fill(100);
    const reading = source({ overlap: 10_000 });
    const first = await readRun(reading);
    const again = await readRun(reading, first.state);
    expect(again.keys).toHaveLength(11);
    expect(again.state.cursor).toBe(first.state.cursor);
    const plan = await reading.begin({ kind: 'incremental', state: first.state }, signal);
    await client.query(`INSERT INTO contacts VALUES ('late', null, clock_timestamp())`);
    expect((await collect(reading, plan)).flatMap((page) => page.rows).map((row) => row.key)).not.toContain('late');
    expect((await readRun(reading, first.state)).keys).toContain('late');
  });

  it('never moves the cursor back, nor beyond its bound', async () => {
    const reading = source();
    const plan = await reading.begin({ kind: 'incremental', state: null }, signal);
    const previous = { cursor: '2020-01-01T00:00:00.000000Z', notes: null };
    expect((await reading.finish(plan, previous, '2019-01-01T00:00:00.000000Z', signal)).cursor).toBe(previous.cursor);
    expect((await reading.finish(plan, previous, null, signal)).cursor).toBe(previous.cursor);
    expect((await reading.finish(plan, null, '9000-01-01T00:00:00.000000Z', signal)).cursor).toBe(plan.to);
  });
});

describe('odd times', () => {
  it('rows without a time, in the future or before the year 1 are read every run, marked, and leave the cursor alone', async () => {
    await client.query(`INSERT INTO contacts VALUES ('null', '', null), ('9999', '', '9999-12-31'), ('inf', '', 'infinity'), ('-inf', '', '-infinity'),
      ('bc', '', '0044-03-15 BC'), ('far', '', '20000-01-01'), ('1900', '', '1900-01-01'), ('soon', '', now() + interval '1 hour')`);
    const first = await readRun(source());
    const odd = ['-inf', '9999', 'bc', 'far', 'inf', 'null', 'soon'];
    expect(first.rows.filter((row) => row.oddTime).map((row) => row.key).sort()).toEqual(odd.sort());
    expect(first.rows.filter((row) => row.oddTime).every((row) => row.time === null)).toBe(true);
    expect(first.rows.find((row) => row.key === '1900')!.time).toBe('1900-01-01T00:00:00.000000Z');
    expect(first.state.cursor).toBe('1900-01-01T00:00:00.000000Z');
    expect((await readRun(source(), { cursor: '2020-01-01T00:00:00.000000Z', notes: null })).keys.toSorted()).toEqual(odd.sort());
  });

  it.each(['timestamp', 'date'])('a %s is taken as UTC', async (type) => {
    await client.query(`SET TimeZone = 'Asia/Tokyo'; ALTER TABLE contacts ALTER updated_at TYPE ${type}; INSERT INTO contacts VALUES ('a', '', '2024-01-31'); RESET TimeZone`);
    const run = await readRun(source());
    expect(run.rows).toEqual([{ key: 'a', time: '2024-01-31T00:00:00.000000Z', values: [''] }]);
    expect((await readRun(source(), run.state)).keys).toEqual(['a']);
  });
});

describe('resuming', () => {
  it('from every page gives every row once: equal times, duplicate keys, no key, no time', async () => {
    await fill(1000);
    await client.query(`INSERT INTO contacts SELECT 'same' || i % 700, '', '2024-01-01' FROM generate_series(1, 2000) i;
      INSERT INTO contacts SELECT 'dup', '', '2024-02-01' FROM generate_series(1, 350);
      INSERT INTO contacts SELECT 'odd' || i % 90, '', null FROM generate_series(1, 270) i;
      INSERT INTO contacts SELECT null, '', case when i % 2 = 0 then now() - interval '1 day' end FROM generate_series(1, 210) i`);
    const reading = source();
    const whole = await readRun(reading);
    const pieces = await readInPieces(reading, whole.plan);
    const names = (rows: readonly { key: string | null }[]) => rows.map((row) => row.key ?? '').sort();
    expect(whole.rows).toHaveLength(3830);
    expect(names(pieces)).toEqual(names(whole.rows));
    expect(whole.rows.filter((row) => row.key === null)).toHaveLength(210);
  });

  it('10,000 rows of one time come once each', async () => {
    await client.query(`INSERT INTO contacts SELECT 'k' || i, '', '2024-01-01' FROM generate_series(1, 10000) i`);
    const reading = source({ pageSize: 700 });
    const plan = await reading.begin({ kind: 'incremental', state: null }, signal);
    const rows = await readInPieces(reading, plan);
    expect(rows).toHaveLength(10_000);
    expect(new Set(rows.map((row) => row.key)).size).toBe(10_000);
  });

  it.each(['integer', 'uuid', 'numeric(12,2)', 'varchar(40)', 'char(40)', 'bigint', 'citext_like'])('works over keys of type %s', async (type) => {
    if (type === 'citext_like') await client.query(`DROP DOMAIN IF EXISTS citext_like CASCADE; CREATE DOMAIN citext_like AS text`);
    const value = type === 'uuid' ? `lpad(to_hex(i), 32, '0')::uuid` : 'i';
    await client.query(`DROP TABLE contacts; CREATE TABLE contacts (id ${type} PRIMARY KEY, email text, updated_at timestamptz NOT NULL);
      INSERT INTO contacts SELECT ${value}, '', '2024-01-01' FROM generate_series(1, 250) i`);
    for (const more of [{}, { updatedAt: undefined }]) {
      const reading = source(more);
      const plan = await reading.begin({ kind: 'incremental', state: null }, signal);
      const rows = await readInPieces(reading, plan);
      expect(new Set(rows.map((row) => row.key)).size).toBe(250);
      expect(rows).toHaveLength(250);
    }
  });
});

describe('other kinds', () => {
  it('a full run reads from the beginning, only reads the keys, a window its half-open interval', async () => {
    await client.query(`INSERT INTO contacts VALUES ('a', '', '2024-01-01'), ('b', '', '2024-01-02'), ('c', '', '2024-01-03'), ('n', '', null)`);
    const state = { cursor: '2024-02-01T00:00:00.000000Z', notes: null };
    expect((await readRun(source(), state, { kind: 'full' })).keys).toEqual(['a', 'b', 'c', 'n']);
    const only = await readRun(source(), state, { kind: 'only', keys: ['b', 'n', 'x'] });
    expect(only.keys).toEqual(['b', 'n']);
    expect(only.state).toEqual(state);
    const window = { kind: 'window', from: '2024-01-01T00:00:00.000000Z', to: '2024-01-03T00:00:00.000000Z' } as const;
    expect((await readRun(source(), state, window)).keys).toEqual(['a', 'b']);
  });

  it('a query and a view are read as a table is', async () => {
    await fill(150);
    await client.query(`CREATE VIEW people AS SELECT id AS "Id", email, updated_at FROM contacts`);
    expect((await readRun(source({ table: 'public.people', key: 'Id' }))).keys).toHaveLength(150);
    for (const end of [';\n', ' -- all but one']) {
      const query = `SELECT id, lower(email) AS email, updated_at FROM contacts WHERE id <> '000001'${end}`;
      expect((await readRun(source({ table: undefined, query }))).keys).toHaveLength(149);
    }
  });

  it('values arrive without losing digits', async () => {
    await client.query(`DROP TABLE contacts; CREATE TABLE contacts (id int, updated_at timestamptz, b bool, i int, f float8, n numeric, g bigint, j jsonb, l text[], d date);
      INSERT INTO contacts VALUES (1, '2024-01-01', true, 7, 0.1, 1.10, 9007199254740993, '{"a":[1]}', '{x,y}', '2024-01-31')`);
    const run = await readRun(source({}, ['b', 'i', 'f', 'n', 'g', 'j', 'l', 'd']));
    expect(run.rows[0]!.values).toEqual([true, 7, 0.1, '1.10', '9007199254740993', { a: [1] }, ['x', 'y'], '2024-01-31']);
  });

  it('counts roughly', async () => {
    await fill(500);
    await client.query('ANALYZE contacts');
    const plan = await source().begin({ kind: 'full', state: null }, signal);
    expect(await source().count(plan, signal)).toBeGreaterThan(400);
  });
});

describe('what is wrong with the configuration', () => {
  const failure = async (more: Partial<PostgresSourceConfig>, columns?: string[]): Promise<SourceError> => {
    const error: unknown = await source(more, columns).check(signal).then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(SourceError);
    return error as SourceError;
  };

  it('a missing column is named with those that exist', async () => {
    const error = await failure({ key: 'external_id' }, ['email', 'mail']);
    expect(error.kind).toBe('misconfigured');
    expect(error.message).toBe('source crm: table public.contacts has no column "external_id", "mail"');
    expect(error.hint).toContain('id, email, updated_at');
  });

  it('a missing table, a wrong database and an updatedAt that is no time are said in words', async () => {
    expect(await failure({ table: 'public.nobody' })).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('public.nobody') as string });
    expect(await failure({ url: database.url.replace(/test_\w+/, 'nowhere') })).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('nowhere') as string });
    expect(await failure({ updatedAt: 'email' })).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining('"email" is no time') as string });
  });

  it('a wrong password is misconfigured, an address nobody listens on unreachable; no password is in the words', async () => {
    const url = new URL(database.url);
    url.port = '1';
    url.password = 'hunter2';
    const closed = await failure({ url: url.href });
    expect(closed).toMatchObject({ kind: 'unreachable', message: expect.stringContaining(':1, database') as string });
    await client.query(`DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'right'`);
    const guest = new URL(database.url);
    guest.username = 'guest';
    guest.password = 'hunter2';
    const refused = await failure({ url: guest.href });
    expect(refused.kind).toBe('misconfigured');
    expect(`${closed.message}${refused.message}${refused.hint}`).not.toContain('hunter2');
  });

  it('the table\'s name is taken as it is written, never as SQL', async () => {
    await client.query(`CREATE SCHEMA IF NOT EXISTS "My ""S"; CREATE TABLE IF NOT EXISTS "My ""S"."a.b;" (id int, updated_at date)`);
    await expect(source({ table: '"My ""S"."a.b;"' }, []).check(signal)).resolves.toContain('2 columns');
    expect((await failure({ table: 'contacts; DROP TABLE contacts' })).kind).toBe('misconfigured');
  });
});

describe('an abort', () => {
  it('ends a running query promptly, on the server too', async () => {
    const abort = new AbortController();
    const slow = source({ table: undefined, query: `SELECT 'k' AS id, 'slow' AS email, '2024-01-01'::timestamptz AS updated_at, pg_sleep(30)` });
    const plan = await slow.begin({ kind: 'incremental', state: null }, signal);
    const reading = slow.pages(plan, null, abort.signal)[Symbol.asyncIterator]().next();
    setTimeout(() => abort.abort(new Error('stopped')), 300);
    const started = Date.now();
    await expect(reading).rejects.toThrow('stopped');
    expect(Date.now() - started).toBeLessThan(3000);
    const running = async () =>
      (await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()`)).rows[0]!.n;
    await expect.poll(running).toBe(0);
  });

  it('leaves no connection behind, nor does stopping after a page', async () => {
    await fill(300);
    const plan = await source().begin({ kind: 'incremental', state: null }, signal);
    for await (const page of source().pages(plan, null, signal)) if (page.rows.length > 0) break;
    const open = async () =>
      (await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'syncline' AND datname = current_database()`)).rows[0]!.n;
    await expect.poll(open).toBe(0);
  });
});
