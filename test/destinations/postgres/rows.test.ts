import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Contact } from '../../../src/contacts/index.js';
import { ACTION, CONSENT, type Outcome } from '../../../src/destinations/index.js';
import { deliver, rowOf } from '../../contract/lane.js';
import { createBench, send, type Bench } from './support.js';

let bench: Bench;
beforeAll(async () => { bench = await createBench(); });
afterAll(async () => { await bench.close(); });

const contact = (n: number, attributes: Contact['attributes'] = {}): Contact => ({ key: `k${n}`, email: `canary${n}@example.com`, firstName: `Zaphirina${n}`, attributes });
const attribute = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, `attributes.${name}`]));

describe('a row the table refuses', () => {
  const columns = { email: 'email', name: 'firstName', ...attribute('age', 'code', 'born', 'plan', 'must', 'mood', 'later') };
  /** What is wrong with some of the rows, and what is said of it. */
  const bad: readonly (readonly [n: number, attributes: Record<string, string | number | null>, code: string, words: string])[] = [
    [3, { age: 'Newport' }, 'invalid_value', 'column age'],
    [17, { age: 99999999999 }, 'out_of_range', 'column age'],
    [40, { code: 'Newport Hills' }, 'value_too_long', 'column code'],
    [41, { born: '1970-13-77' }, 'time_out_of_range', 'column born'],
    [77, { plan: 'Newport' }, 'foreign_key_violation', 'constraint people_plan_fkey'],
    [90, { must: null }, 'not_null_violation', 'column must'],
    [101, { age: -5 }, 'check_violation', 'constraint grown'],
    [150, { code: 'taken' }, 'unique_violation', 'constraint people_code_key'],
    [177, { mood: 'bad' }, 'raised', 'nobody is like that, [value]'],
    [199, { later: 'Newport' }, 'foreign_key_violation', 'constraint people_later_fkey'],
  ];
  const people = Array.from({ length: 200 }, (_, n) => contact(n, { must: 'x', ...bad.find(([at]) => at === n)?.[1] }));
  let outcome: Outcome;
  beforeAll(async () => {
    await bench.admin.query(`CREATE TABLE plans (plan text PRIMARY KEY);
      CREATE TABLE people (id text PRIMARY KEY, email text, name text, age int CONSTRAINT grown CHECK (age > 0), code varchar(5) UNIQUE, born date,
        plan text REFERENCES plans, must text NOT NULL, mood text, later text REFERENCES plans DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO people (id, code, must) VALUES ('other', 'taken', 'x');
      CREATE FUNCTION moody() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.mood = 'bad' THEN RAISE EXCEPTION 'nobody is like that, %', new.name USING DETAIL = new.email; END IF; RETURN new; END $$;
      CREATE TRIGGER moody BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION moody()`);
    outcome = await send(bench.destination({ columns }), people);
  });
  afterAll(async () => { await bench.admin.query('DROP TABLE people, plans; DROP FUNCTION moody'); });

  it('costs nobody else, and each is told by its own position', async () => {
    expect(outcome).toMatchObject({ kind: 'answered', failed: bad.map(([ord, , code]) => ({ ord, code })) });
    expect((await bench.rows('SELECT count(*)::int AS n FROM people'))[0]).toEqual({ n: 1 + 200 - bad.length });
  });

  it.each(bad.map(([ord, , code, words]) => [code, ord, words] as const))('%s (row %i) is said with the place: %s', (_, ord, words) => {
    const reason = outcome.kind === 'answered' ? outcome.failed.find((one) => one.ord === ord)?.reason : '';
    expect(reason).toContain(words);
  });

  it('is told without what is in it, nor what is in others', () => {
    expect(JSON.stringify(outcome)).not.toMatch(/canary|Zaphirina|Newport|99999999999|1970/);
  });

  it('where all of them are refused, each is told, and the next call goes well', async () => {
    const destination = bench.destination({ columns });
    const all = await send(destination, Array.from({ length: 60 }, (_, n) => contact(n + 1000, { must: null })));
    expect(all).toMatchObject({ kind: 'answered' });
    expect(all.kind === 'answered' && all.failed.map(({ ord }) => ord)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(await send(destination, [contact(1000, { must: 'y' })])).toMatchObject({ kind: 'answered', failed: [] });
  });

  it('an erasure that others refer to is refused alone', async () => {
    await bench.admin.query(`CREATE TABLE orders (person text REFERENCES people); INSERT INTO orders VALUES ('k5')`);
    const destination = bench.destination({ columns });
    const rows = [4, 5, 6].map((n, ord) => rowOf(destination, contact(n), ord, { action: ACTION.erase }));
    expect(await deliver(destination, rows, AbortSignal.timeout(5000))).toMatchObject({ kind: 'answered', failed: [{ ord: 1, code: 'foreign_key_violation' }] });
    expect(await bench.rows(`SELECT id FROM people WHERE id IN ('k4', 'k5', 'k6')`)).toEqual([{ id: 'k5' }]);
    await bench.admin.query('DROP TABLE orders');
  });
});

describe('what is not mapped, and what is the same', () => {
  beforeAll(async () => {
    await bench.admin.query(`CREATE TABLE people (id text PRIMARY KEY, serial int GENERATED BY DEFAULT AS IDENTITY, email text, name text, opt_in boolean, sms text,
        owner text NOT NULL, doc json, at point, amount numeric, tags text[], changed timestamptz);
      CREATE TABLE seen (what text);
      CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (tg_op); RETURN new; END $$;
      CREATE TRIGGER watch BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION watch()`);
  });
  afterAll(async () => { await bench.admin.query('DROP TABLE people, seen; DROP FUNCTION watch'); });
  const columns = { email: 'email', name: 'firstName', opt_in: 'emailConsent', sms: 'smsConsent', ...attribute('doc', 'at', 'amount', 'tags') };
  const plant = (): Promise<unknown> => bench.admin.query(`TRUNCATE people, seen RESTART IDENTITY;
    INSERT INTO people (id, email, name, opt_in, sms, owner) SELECT 'k' || n, 'canary' || n || '@example.com', 'Zaphirina' || n, true, 'granted', 'ann' FROM generate_series(0, 9) n; TRUNCATE seen`);
  const xmins = () => bench.rows('SELECT id, xmin::text FROM people ORDER BY id');

  it('a row whose mapped values are the same is not written, whatever their types: no trigger, no number of a sequence', async () => {
    await plant();
    const destination = bench.destination({ columns, updatedAt: 'changed' });
    const people = Array.from({ length: 10 }, (_, n): Contact =>
      ({ ...contact(n, { doc: { b: [1, null], a: 'x' }, at: '(1,2)', amount: '1.50', tags: ['a', 'b'] }), emailConsent: 'granted', smsConsent: 'denied' }));
    expect(await send(destination, people)).toMatchObject({ kind: 'answered', failed: [] });
    expect(await bench.rows('SELECT what, count(*)::int AS n FROM seen GROUP BY 1')).toEqual([{ what: 'UPDATE', n: 10 }]);
    expect(await bench.rows(`SELECT count(*)::int AS n FROM people WHERE changed > now() - interval '1 minute' AND owner = 'ann'`)).toEqual([{ n: 10 }]);
    const before = await xmins();
    expect(await send(destination, people, { known: true })).toMatchObject({ kind: 'answered', failed: [] });
    expect(await xmins()).toEqual(before);
    const one = people.map((person, n) => (n === 4 ? { ...person, firstName: 'zaphirina4' } : person));
    await send(destination, one);
    expect((await xmins()).filter((row, i) => row['xmin'] !== before[i]?.['xmin']).map(({ id }) => id)).toEqual(['k4']);
    expect(await bench.rows(`SELECT nextval(pg_get_serial_sequence('people', 'serial'))::int AS n`)).toEqual([{ n: 11 }]);
  });

  it('a known row needs nothing for columns nobody maps; a new one that does is refused alone', async () => {
    await plant();
    const outcome = await send(bench.destination(), [contact(1), { ...contact(2), firstName: 'Changed' }, contact(99)]);
    expect(outcome).toMatchObject({ kind: 'answered', failed: [{ ord: 2, code: 'not_null_violation', reason: expect.stringContaining('column owner') as string }] });
    expect(await bench.rows(`SELECT name, owner FROM people WHERE id = 'k2'`)).toEqual([{ name: 'Changed', owner: 'ann' }]);
  });

  it('a field or consent the source does not map leaves its column alone, also beside an opt-out in the same call', async () => {
    await plant();
    const destination = bench.destination({ columns });
    const rows = [rowOf(destination, { key: 'k1', email: 'new@example.com' }, 0), rowOf(destination, { key: 'k2', email: null }, 1, { emailConsent: CONSENT.denied })];
    expect(rows[0]).toMatchObject({ emailConsent: CONSENT.unmapped, smsConsent: CONSENT.unmapped });
    expect(await deliver(destination, rows, AbortSignal.timeout(5000))).toMatchObject({ kind: 'answered', failed: [] });
    expect(await bench.rows(`SELECT id, email, name, opt_in, sms FROM people WHERE id IN ('k1', 'k2') ORDER BY id`)).toEqual([
      { id: 'k1', email: 'new@example.com', name: 'Zaphirina1', opt_in: true, sms: 'granted' }, { id: 'k2', email: null, name: 'Zaphirina2', opt_in: false, sms: 'granted' },
    ]);
  });

  it.each([
    ['true, false and NULL in a column of booleans, words in one of text', undefined, [[true, 'denied'], [null, 'unknown']]],
    ['the configured words, and NULL for what has none', { granted: 'true', denied: 'N' }, [[true, 'N'], [null, null]]],
  ] as const)('consent is %s', async (_, consentWords, expected) => {
    await plant();
    const destination = bench.destination({ columns, ...(consentWords === undefined ? {} : { consentWords }) });
    await send(destination, [{ key: 'k1', emailConsent: 'granted', smsConsent: 'denied' }, { key: 'k2', emailConsent: 'unknown', smsConsent: 'unknown' }]);
    const rows = await bench.rows(`SELECT opt_in, sms FROM people WHERE id IN ('k1', 'k2') ORDER BY id`);
    expect(rows.map(({ opt_in, sms }) => [opt_in, sms])).toEqual(expected);
  });
});

describe('keys', () => {
  it('two that are one in the database are both written, the later last, and lose nothing', async () => {
    await bench.admin.query(`CREATE TABLE people (id int PRIMARY KEY, email text, name text); INSERT INTO people VALUES (7, 'x', 'x')`);
    const at = (key: string, name: string): Contact => ({ key, email: null, firstName: name });
    expect(await send(bench.destination(), [at('7', 'a'), at('8', 'b'), at('07', 'c'), at('x', 'd'), at('08', 'e')])).toMatchObject({ kind: 'answered', failed: [{ ord: 3, code: 'invalid_value' }] });
    expect(await bench.rows('SELECT id, name FROM people ORDER BY id')).toEqual([{ id: 7, name: 'c' }, { id: 8, name: 'e' }]);
    await bench.admin.query('DROP TABLE people');
  });

  it('are found in a partitioned table and in names that need quotes', async () => {
    await bench.admin.query(`CREATE SCHEMA "My Space"; CREATE TABLE "My Space"."the.people" ("The Id" uuid PRIMARY KEY, "e""mail" text) PARTITION BY HASH ("The Id");
      CREATE TABLE "My Space".part PARTITION OF "My Space"."the.people" FOR VALUES WITH (MODULUS 1, REMAINDER 0)`);
    const destination = bench.destination({ table: '"My Space"."the.people"', key: 'The Id', columns: { 'e"mail': 'email' } });
    const key = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
    for (const email of ['a@example.com', 'b@example.com']) expect(await send(destination, [{ key, email }])).toMatchObject({ kind: 'answered', failed: [] });
    expect(await bench.rows('SELECT * FROM "My Space"."the.people"')).toEqual([{ 'The Id': key, 'e"mail': 'b@example.com' }]);
  });
});
