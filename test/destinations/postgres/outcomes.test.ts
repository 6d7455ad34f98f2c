import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import pg from 'pg';
import type { PostgresDestinationConfig } from '../../../src/config/index.js';
import { ACTION, type Outcome } from '../../../src/destinations/index.js';
import { outcomeOf } from '../../../src/destinations/postgres/errors.js';
import type { Phase } from '../../../src/destinations/postgres/session.js';
import { inSession } from '../../../src/destinations/postgres/session.js';
import { describeTable, isTable } from '../../../src/destinations/postgres/table.js';
import { SearchTooLong, writeRows } from '../../../src/destinations/postgres/write.js';
import { deliver, paced, rowOf } from '../../contract/lane.js';
import { people, person } from '../../contract/people.js';
import { createBench, send, type Bench } from './support.js';

let bench: Bench;
beforeAll(async () => {
  bench = await createBench();
});
afterAll(async () => { await bench.close(); });
beforeEach(async () => {
  await bench.admin.query(`DROP TABLE IF EXISTS people CASCADE; CREATE TABLE people (id text PRIMARY KEY, email text, name text, n int, twice int GENERATED ALWAYS AS (n * 2) STORED, raw text)`);
});

const size = async (): Promise<unknown> => (await bench.rows('SELECT count(*)::int AS n FROM people'))[0]?.['n'];

describe('a table that does not fit is misconfigured, with the way out', () => {
  it.each<[string, Partial<PostgresDestinationConfig>, string, string]>([
    ['no such table', { table: 'public.persons' }, 'there is no table public.persons', 'schema-qualified'],
    ['no such column', { columns: { emial: 'email' } }, 'has no column "emial"', 'it has id, email, name'],
    ['no such key', { key: 'no' }, 'has no column "no"', 'correct key'],
    ['a key without a unique index', { key: 'raw' }, 'column "raw" of public.people has no unique index', 'CREATE UNIQUE INDEX ON "public"."people" ("raw")'],
    ['a generated column', { columns: { twice: 'attributes.n' } }, 'is generated', 'leave it out'],
    ['consent in a column of numbers', { columns: { n: 'emailConsent' } }, 'is integer', 'consentWords'],
    ['a view', { table: 'public.seen' }, 'is no table', 'unique index'],
  ])('%s', async (_, config, message, hint) => {
    await bench.admin.query('CREATE VIEW seen AS SELECT * FROM people');
    const destination = bench.destination(config);
    for (const outcome of [await send(destination, people(3)), await destination.check(AbortSignal.timeout(5000))]) {
      expect(outcome).toMatchObject({ kind: 'misconfigured', message: expect.stringContaining(message) as string, hint: expect.stringContaining(hint) as string });
    }
    expect(await size()).toBe(0);
  });

  it('a partial or deferrable unique index does not do', async () => {
    await bench.admin.query(`CREATE UNIQUE INDEX ON people (raw) WHERE raw <> ''; ALTER TABLE people ADD UNIQUE (raw) DEFERRABLE`);
    expect(await send(bench.destination({ key: 'raw' }), people(1))).toMatchObject({ kind: 'misconfigured' });
  });

  it('a table that changes is looked at anew in every call', async () => {
    const destination = bench.destination();
    expect(await send(destination, people(1))).toMatchObject({ kind: 'answered' });
    await bench.admin.query('ALTER TABLE people RENAME COLUMN name TO first_name');
    expect(await send(destination, people(1))).toMatchObject({ kind: 'misconfigured' });
    await bench.admin.query('ALTER TABLE people RENAME COLUMN first_name TO name');
    expect(await send(destination, people(2))).toMatchObject({ kind: 'answered' });
  });
});

describe('rights', () => {
  it('that are missing are misconfigured with the GRANT, by check before anything is sent, and no row is refused', async () => {
    const role = await bench.role();
    const destination = bench.destination({ url: role.url });
    expect(await destination.check(AbortSignal.timeout(5000))).toMatchObject({ kind: 'misconfigured', hint: expect.stringContaining(`GRANT SELECT, INSERT, UPDATE ON "public"."people" TO "${role.name}"`) as string });
    expect(await send(destination, people(3))).toMatchObject({ kind: 'misconfigured', hint: expect.stringContaining('INSERT') as string });
    await bench.admin.query(`GRANT SELECT, INSERT, UPDATE ON people TO ${role.name}`);
    expect(await destination.check(AbortSignal.timeout(5000))).toMatchObject({ kind: 'answered' });
    expect(await send(destination, people(3))).toMatchObject({ kind: 'answered', failed: [] });
    expect(await send(destination, people(1), { action: ACTION.erase })).toMatchObject({ kind: 'misconfigured', hint: expect.stringContaining('DELETE') as string });
  });

  it('row-level security refuses the row alone; a read-only role is told by check and waits', async () => {
    const role = await bench.role();
    await bench.admin.query(`GRANT SELECT, INSERT, UPDATE ON people TO ${role.name}; ALTER TABLE people ENABLE ROW LEVEL SECURITY;
      CREATE POLICY most ON people TO ${role.name} USING (true) WITH CHECK (id <> 'crm-2')`);
    const destination = bench.destination({ url: role.url });
    expect(await send(destination, people(4))).toMatchObject({ kind: 'answered', failed: [{ ord: 2, code: 'row_security' }] });
    await bench.admin.query(`ALTER ROLE ${role.name} SET default_transaction_read_only = on`);
    expect(await destination.check(AbortSignal.timeout(5000))).toMatchObject({ kind: 'misconfigured', hint: expect.stringContaining('primary') as string });
    expect(await send(destination, people(4))).toMatchObject({ kind: 'unavailable' });
  });
});

describe('before the COMMIT has left, nothing is written', () => {
  it('a lock that is not let go of is unavailable by the deadline, and nobody is left waiting at the server', async () => {
    await bench.admin.query('BEGIN; LOCK TABLE people');
    const destination = bench.destination();
    const started = performance.now();
    expect(await send(destination, people(3), {}, AbortSignal.timeout(200))).toMatchObject({ kind: 'unavailable', httpStatus: null });
    expect(performance.now() - started).toBeLessThan(10_000);
    await destination.close();
    await expect.poll(() => bench.rows(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).toEqual([]);
    await bench.admin.query('ROLLBACK');
    expect(await size()).toBe(0);
    expect(await send(destination, people(3))).toMatchObject({ kind: 'answered' });
  });

  it('a connection that the server ends, and one that gives way in a deadlock, are unavailable', async () => {
    await bench.admin.query('BEGIN; LOCK TABLE people');
    const sent = send(bench.destination(), people(3));
    const other = new pg.Client({ connectionString: bench.url });
    await other.connect();
    await expect.poll(async () => (await other.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).rowCount).toBe(1);
    expect(await sent).toMatchObject({ kind: 'unavailable', httpStatus: null });
    await other.end();
    await bench.admin.query('ROLLBACK');
    await bench.admin.query(`CREATE OR REPLACE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected'; END $$;
      CREATE TRIGGER stuck BEFORE INSERT ON people EXECUTE FUNCTION stuck()`);
    expect(await send(bench.destination(), people(3))).toMatchObject({ kind: 'unavailable' });
    expect(await size()).toBe(0);
  });

  it('a server that takes the connection and says nothing is unavailable by the deadline', async () => {
    const server = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = Object.assign(new URL(bench.url), { host: `127.0.0.1:${(server.address() as net.AddressInfo).port}` }).href;
    const started = performance.now();
    expect(await send(bench.destination({ url }), people(1), {}, AbortSignal.timeout(200))).toMatchObject({ kind: 'unavailable', httpStatus: null });
    expect(performance.now() - started).toBeLessThan(10_000);
    server.close();
    await once(server, 'close');
  });

  it('a database that is not there is misconfigured', async () => {
    const destination = bench.destination({ url: Object.assign(new URL(bench.url), { pathname: '/nowhere' }).href });
    expect(await send(destination, people(1))).toMatchObject({ kind: 'misconfigured', hint: expect.stringContaining('name') as string });
  });

  it('where the search for refused rows takes too long, the whole call is refused and rolled back', async () => {
    await bench.admin.query(`ALTER TABLE people ADD CHECK (id <> 'crm-3')`);
    const config = { table: 'public.people', key: 'id', columns: { email: 'email' } } as unknown as PostgresDestinationConfig;
    const destination = bench.destination();
    const rows = people(8).map((one, ord) => rowOf(destination, one, ord));
    const worked = await inSession({ url: bench.url, timeout: 5000, signal: AbortSignal.timeout(5000), later: () => undefined }, async (session) => {
      const table = await describeTable(session, config);
      return isTable(table) ? writeRows({ session, table, config, erase: false, hasTime: () => false }, rows) : [];
    });
    expect(worked).toMatchObject({ error: expect.any(SearchTooLong) as SearchTooLong, phase: 'open' });
    expect(await size()).toBe(0);
  });
});

describe('what an error means', () => {
  const place = { where: 'Postgres at db:5432, database crm', table: 'public.people', rights: 'SELECT, INSERT, UPDATE' };
  const server = (code: string): Error => Object.assign(new Error('words of the server'), { code });
  const socket = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  it.each<[string, unknown, Phase, Outcome['kind']]>([
    ['a wrong password', server('28P01'), 'connecting', 'unauthenticated'],
    ['no entry in pg_hba.conf', server('28000'), 'connecting', 'unauthenticated'],
    ['too many connections', server('53300'), 'connecting', 'unavailable'],
    ['a server that starts', server('57P03'), 'connecting', 'unavailable'],
    ['encryption that does not fit', new Error('The server does not support SSL connections'), 'connecting', 'misconfigured'],
    ['a missing password', new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'), 'connecting', 'unauthenticated'],
    ['a cut connection', socket, 'open', 'unavailable'],
    ['a statement time limit', server('57014'), 'open', 'unavailable'],
    ['a lock time limit', server('55P03'), 'open', 'unavailable'],
    ['a full disk', server('53100'), 'open', 'unavailable'],
    ['a deadlock', server('40P01'), 'open', 'unavailable'],
    ['a replica', server('25006'), 'open', 'unavailable'],
    ['a missing right', server('42501'), 'open', 'misconfigured'],
    ['a missing column', server('42703'), 'open', 'misconfigured'],
    ['a cut at the COMMIT', socket, 'committing', 'unknown'],
    ['a shutdown at the COMMIT', server('57P01'), 'committing', 'unknown'],
    ['a conflict found by the COMMIT', server('40001'), 'committing', 'unavailable'],
    ['a full disk at the COMMIT', server('53100'), 'committing', 'unavailable'],
    ['a constraint found by the COMMIT', server('23503'), 'committing', 'refused'],
  ])('%s', (_, error, phase, kind) => {
    expect(outcomeOf(error, phase, place)).toMatchObject({ kind });
  });
});

describe('reading back', () => {
  it('values in a column\'s own type are the same values, and what differs is named by its column', async () => {
    await bench.admin.query(`DROP TABLE people CASCADE; CREATE TABLE people (id bigint PRIMARY KEY, email text, opt boolean, n int, amount numeric(9, 2), big numeric, born date, at timestamptz,
      plain timestamp, doc jsonb, tags text[], flag boolean, note text, zip text)`);
    const names = ['n', 'amount', 'big', 'born', 'at', 'plain', 'doc', 'tags', 'flag', 'note', 'zip'];
    const destination = bench.destination({ columns: { email: 'email', opt: 'emailConsent', ...Object.fromEntries(names.map((name) => [name, `attributes.${name}`])) } });
    const attributes = {
      n: '7', amount: '1.5', big: '12345678901234567890.5', born: '1970-01-31', at: '2024-01-31 12:00:00.123456+02', plain: '2024-01-31T12:00:00Z', doc: { b: 1, a: [null] }, tags: ['x', 'y'],
      flag: 'yes', note: { z: 1, a: 2 }, zip: '01234',
    };
    await send(destination, [{ key: '7', email: 'A@Example.com', emailConsent: 'granted', attributes }, { key: '12', email: null, emailConsent: 'denied', attributes: {} }]);
    const found = [];
    for await (const page of destination.readAll?.(paced, AbortSignal.timeout(5000)) ?? []) found.push(...page);
    expect(found.map(({ key, optedIn }) => [key, optedIn])).toEqual([['7', true], ['12', false]]);
    const expected = (more: object): string => rowOf(destination, { key: '7', email: 'a@example.com', attributes: { ...attributes, ...more } }, 0).fields;
    expect(destination.compare({ fields: expected({}), optedIn: true }, found[0]!)).toEqual([]);
    expect([...destination.compare({ fields: expected({ zip: '1234', n: '8', flag: 'no', doc: { b: 1 }, born: '1970-02-01' }), optedIn: false }, found[0]!)].sort()).toEqual(['born', 'doc', 'flag', 'n', 'opt', 'zip']);
  });

  it('goes through a large table by pages in the order of its keys, each contact once', async () => {
    await bench.admin.query(`INSERT INTO people (id, email) SELECT md5(n::text), n || '@example.com' FROM generate_series(1, 4100) n`);
    const keys: (string | null)[] = [];
    let pages = 0;
    for await (const page of bench.destination().readAll?.(paced, AbortSignal.timeout(5000)) ?? []) {
      pages += 1;
      keys.push(...page.map(({ key }) => key));
    }
    expect([pages, keys.length, new Set(keys).size]).toEqual([3, 4100, 4100]);
  });

  it('without a column for it, a locale is nobody\'s and a consent is not compared', () => {
    expect(bench.destination().prepare(person(1))).toMatchObject({ locale: null, emailConsent: 3 });
  });
});

it('a row that somebody else inserts meanwhile is waited for, and then holds what was sent', async () => {
  await bench.admin.query(`BEGIN; INSERT INTO people (id, email, raw) VALUES ('crm-1', 'theirs@example.com', 'theirs')`);
  const sent = send(bench.destination(), people(3));
  const other = new pg.Client({ connectionString: bench.url });
  await other.connect();
  await expect.poll(async () => (await other.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).rowCount).toBe(1);
  await other.end();
  await bench.admin.query('COMMIT');
  expect(await sent).toMatchObject({ kind: 'answered', failed: [] });
  expect(await bench.rows(`SELECT email, raw FROM people WHERE id = 'crm-1'`)).toEqual([{ email: 'canary1@example.com', raw: 'theirs' }]);
  expect(await size()).toBe(3);
});

it('two calls at once do not stand in each other\'s way', async () => {
  const destination = bench.destination();
  const all = people(400);
  const rows = all.map((one, ord) => rowOf(destination, one, ord));
  const outcomes = await Promise.all([rows.slice(0, 200), rows.slice(200)].map((part) => deliver(destination, part.map((row, ord) => ({ ...row, ord })), AbortSignal.timeout(5000))));
  expect(outcomes).toMatchObject([{ kind: 'answered', failed: [] }, { kind: 'answered', failed: [] }]);
  expect(await size()).toBe(400);
});
