import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../../../src/contacts/index.js';
import { compileContactReader } from '../../../src/contacts/index.js';
import { parseConfig } from '../../../src/config/index.js';
import { previewSource } from '../../../src/control/index.js';
import { createSalesforceSource } from '../../../src/sources/salesforce/index.js';
import type { ReadPlan, SourceError } from '../../../src/sources/index.js';
import { readInPieces, readRun, signal } from '../helpers.js';
import { configOf, idOf, quick, startSalesforce, type Kept } from './server.js';
import type { Fields } from './soql.js';

const T = Date.parse('2026-01-31T12:00:00Z');
let server: Awaited<ReturnType<typeof startSalesforce>>;
beforeEach(async () => {
  server = await startSalesforce();
});
afterEach(() => server.close());

const source = (columns = ['Email'], more = {}, waits?: number[]) => createSalesforceSource(configOf(server.loginUrl, more), columns, quick(waits));
const contact = (id: number, time = T, fields: Kept['fields'] = { Email: `c${id}@example.com` }): Kept => ({ id, time, fields });
const many = (count: number, time: (i: number) => number): Kept[] => Array.from({ length: count }, (_, i) => contact(i + 1, time(i)));
const failure = (work: Promise<unknown>): Promise<SourceError> => work.then(() => { throw new Error('it passed'); }, (error: unknown) => error as SourceError);

/** Reads a plan; after each page, `lose` may take away what the next one needs. The position goes through JSON. */
async function readThrough(plan: ReadPlan, lose: (page: number) => void): Promise<Set<string | null>> {
  const keys = new Set<string | null>();
  let position: Json | null = null;
  for (let page = 1, last = false; !last; page++) {
    for await (const read of source(['Email'], { pageSize: 200 }).pages(plan, position, signal)) {
      for (const { key } of read.rows) keys.add(key);
      position = JSON.parse(JSON.stringify(read.position)) as Json;
      last = read.last;
      break;
    }
    lose(page);
  }
  return keys;
}

describe('reading', () => {
  it('25,000 contacts of one second come whole, by one query and its further pages', async () => {
    server.put(...many(25_000, () => T));
    const { keys, state, pages } = await readRun(source());
    expect(new Set(keys).size).toBe(25_000);
    expect(keys.slice(0, 2)).toEqual([idOf(1), idOf(2)]);
    expect(pages).toHaveLength(13);
    expect(state.cursor).toBe('2026-01-31T12:00:00.000000Z');
    // That of the fields and the clock, and that of the contacts.
    expect(server.queries).toHaveLength(2);
  });

  it.each([['live on', false], ['end with their session', true]])('goes on from every stored position where locators %s', async (_what, ofSession) => {
    server.ways.locatorsOfSession = ofSession;
    server.put(...many(1500, (i) => T + 1000 * Math.floor(i / 400)));
    const plan = await source().begin({ kind: 'full', state: null }, signal);
    const before = server.queries.length;
    expect((await readThrough(plan, () => undefined)).size).toBe(1500);
    expect(server.queries.length - before).toBe(ofSession ? 8 : 1);
    expect(await readInPieces(source(['Email'], { pageSize: 200 }), plan)).toHaveLength(1500);
  });

  it('a locator that has expired costs one query and no contact, within 1,200 ties too', async () => {
    server.put(...many(1200, () => T));
    const plan = await source().begin({ kind: 'full', state: null }, signal);
    expect((await readThrough(plan, () => server.locators.clear())).size).toBe(1200);
    expect(server.queries.at(-1)).toContain(`(SystemModstamp > 2026-01-31T12:00:00Z OR (SystemModstamp = 2026-01-31T12:00:00Z AND Id > '${idOf(1000)}'))`);
  });

  const byId = (a: Fields, b: Fields): number => (String(a['Id']) < String(b['Id']) ? -1 : 1);
  it.each([
    ['ids of a second in another order', (records: Fields[]) => records.sort((a, b) => String(a['SystemModstamp']).localeCompare(String(b['SystemModstamp'])) || byId(b, a))],
    ['no order at all', (records: Fields[]) => records.map((_, i) => records[(i * 7919) % records.length]!)],
    ['the newest first', (records: Fields[]) => records.reverse()],
  ])('a locator that has expired costs no contact either once records came in %s', async (_what, shuffle) => {
    server.ways.shuffle = shuffle;
    server.ways.locatorsOfSession = false;
    server.put(...many(1500, (i) => T + 1000 * Math.floor(i / 300)));
    const plan = await source().begin({ kind: 'full', state: null }, signal);
    for (const lost of [3, 6]) {
      expect((await readThrough(plan, (page) => { if (page === lost) server.locators.clear(); })).size).toBe(1500);
    }
  });

  it('what cannot be gone on from ends with words, not in a circle', async () => {
    server.ways.shuffle = (records) => records.reverse();
    server.put(...many(1500, () => T));
    const reading = source(['Email'], { pageSize: 200 });
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    const circle = async (): Promise<void> => {
      for await (const _page of reading.pages(plan, null, signal)) server.locators.clear();
    };
    expect(await failure(circle())).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/again and again/) as string });
  });

  it('contacts that change while pages are read cost no other, though a locator ends', async () => {
    const planted = many(1400, (i) => T + i * 1000);
    server.put(...planted);
    const plan = await source().begin({ kind: 'full', state: null }, signal);
    const changed = new Set<string>();
    const keys = await readThrough(plan, (page) => {
      for (const id of [page * 50, page * 200 + 3]) {
        changed.add(idOf(id));
        server.put(contact(id, Date.now() + 5000));
      }
      if (page % 2 === 0) server.locators.clear();
    });
    expect(planted.map(({ id }) => idOf(id)).filter((key) => !keys.has(key) && !changed.has(key))).toEqual([]);
  });

  it('a deleted contact and the loser of a merge have a time of deletion; nobody is read as living who is not', async () => {
    server.put(contact(1), { ...contact(2, T + 1000), deleted: true }, { ...contact(3, T + 2000), deleted: true, master: 1 });
    const { rows } = await readRun(source(['Email', 'DeletedAt']));
    expect(rows.map(({ key, values }) => [key, values[1]])).toEqual([
      [idOf(1), null], [idOf(2), '2026-01-31T12:00:01.000000Z'], [idOf(3), '2026-01-31T12:00:02.000000Z'],
    ]);
    expect((await readRun(source(['Email']))).keys).toEqual([idOf(1)]);
  });

  it('columns are fields of the record or of what it belongs to, in any letter case, or the first of several that is filled', async () => {
    server.put(
      contact(1, T, { Phone: '+471', MobilePhone: null, 'Account.Name': 'Acme', 'Account.Owner.Alias': 'kim', HasOptedOutOfEmail: false }),
      contact(2, T, { Phone: '+471', MobilePhone: '+472' }),
    );
    const { rows } = await readRun(source(['MobilePhone|Phone', 'account.name', 'Account.Owner.Alias', 'hasoptedoutofemail', 'id']));
    expect(rows.map(({ values }) => values)).toEqual([['+471', 'Acme', 'kim', false, idOf(1)], ['+472', null, null, null, idOf(2)]]);
    expect(server.queries.at(-1)).toMatch(/^SELECT Id,SystemModstamp,MobilePhone,Phone,account.name,Account.Owner.Alias,hasoptedoutofemail FROM Contact WHERE/);
  });

  it('a ticked opt-out is a denial, one that is not ticked says nothing', async () => {
    server.put(...[true, false, null].map((out, i) => contact(i + 1, T, { HasOptedOutOfEmail: out })));
    const reader = compileContactReader({ emailConsent: { column: 'HasOptedOutOfEmail', denied: [true], unknown: [false] } });
    const { rows } = await readRun(source([...reader.columns]));
    expect(rows.map((row) => reader.read(row))).toMatchObject([{ contact: { emailConsent: 'denied' }, warnings: [] }, { contact: { emailConsent: 'unknown' }, warnings: [] }, { contact: { emailConsent: 'unknown' } }]);
  });

  it('a run reads from its overlap to the second it began in, and moves no cursor without a contact', async () => {
    server.put(contact(1, T - 601_000), contact(2, T - 600_000), contact(3, T), contact(4, Date.now() + 3_600_000));
    const { keys, state, plan } = await readRun(source(), { cursor: '2026-01-31T12:00:00.000000Z', notes: null });
    expect(keys).toEqual([idOf(2), idOf(3)]);
    expect(server.queries.at(-1)).toBe(`SELECT Id,SystemModstamp,Email FROM Contact WHERE SystemModstamp >= 2026-01-31T11:50:00Z AND SystemModstamp <= ${plan.to!.slice(0, 19)}Z ORDER BY SystemModstamp, Id`);
    expect(state.cursor).toBe('2026-01-31T12:00:00.000000Z');
    server.records.clear();
    expect((await readRun(source(), state)).state.cursor).toBe('2026-01-31T12:00:00.000000Z');
  });

  it('counts what a plan covers, if Salesforce can; a window ends before its end', async () => {
    server.put(...many(30, () => T), contact(98, T - 1000), contact(99, T + 60_000));
    const reading = source();
    const plan = await reading.begin({ kind: 'window', state: null, from: '2026-01-31T11:59:59.500000Z', to: '2026-01-31T12:01:00.000000Z' }, signal);
    expect(await reading.count(plan, signal)).toBe(30);
    expect((await readInPieces(reading, plan)).map(({ key }) => key)).not.toContain(idOf(99));
    server.ways.strike = (_call, request, reply) => (request.url.includes('COUNT') ? reply.code(400).send([{ errorCode: 'QUERY_TIMEOUT', message: 'Your query request was running for too long.' }]) : undefined);
    expect(await reading.count(plan, signal)).toBeNull();
    server.ways.strike = undefined;
    expect(await reading.check(signal)).toMatch(/^Salesforce at 127\.0\.0\.1:\d+: 32 records of Contact, key Id; \d+ of 100000 API calls/);
  });
});

it('a configuration with nothing but an address and an app shows contacts', async () => {
  server.put(contact(1, T, { Email: 'Kari@Example.com ', FirstName: 'Kari', LastName: 'Ås', MobilePhone: null, Phone: '+47 22 22 55 55', HasOptedOutOfEmail: true }), { ...contact(2), deleted: true });
  const file = `version: 1
sources:
  crm: {type: salesforce, loginUrl: "${server.loginUrl}", clientId: client-1, clientSecret: sf-hush}
destinations: {}
syncs: {}
`;
  const { sources } = parseConfig(file, { file: '/x/syncline.yaml', shown: 'syncline.yaml', env: {} });
  const { records } = await previewSource(sources['crm']!, 5, signal);
  expect(records.map(({ contact: shown, warnings }) => [shown, warnings])).toMatchObject([
    [{ key: idOf(1), email: 'Kari@example.com', phone: '+4722225555', emailConsent: 'denied', firstName: 'Kari', lastName: 'Ås', deletedAt: null }, []],
    [{ key: idOf(2), deletedAt: '2026-01-31T12:00:00.000000Z', emailConsent: 'unknown' }, []],
  ]);
});

describe('chosen keys', () => {
  it('are read by id in hundreds; what is no id is nobody\'s', async () => {
    server.put(...many(260, () => T));
    const keys = Array.from({ length: 250 }, (_, i) => idOf(i + 1));
    expect(new Set((await readRun(source(), null, { kind: 'only', keys: [...keys, 'no-id', idOf(999)] })).keys)).toEqual(new Set(keys));
    expect(server.queries).toHaveLength(4);
  });

  it('may hold quotes and backslashes, be long, and be those of many', async () => {
    const odd = ['O\'Neill\\', '\\\' OR Id > \'', 'Å'.repeat(500)];
    server.put(...odd.map((key, i) => contact(i + 1, T, { External__c: key })), contact(8, T, { External__c: 'x' }), ...Array.from({ length: 450 }, (_, i) => contact(i + 100, T, { External__c: 'twin' })));
    const one = (keys: string[]) => readRun(source(['Email'], { key: 'External__c', pageSize: 200 }), null, { kind: 'only', keys });
    expect([...(await one(odd)).keys].sort()).toEqual([...odd].sort());
    expect((await one(['twin'])).keys).toHaveLength(450);
    expect((await one(Array.from({ length: 40 }, (_, i) => `${'Å'.repeat(300)}${i}`).concat('x'))).keys).toEqual(['x']);
  });
});

describe('the session', () => {
  it('a token that ends is renewed, in the middle of a reading too', async () => {
    server.ways.tokenCalls = 3;
    server.put(...many(3000, (i) => T + i * 1000));
    const { keys } = await readRun(source(['Email'], { pageSize: 200 }));
    expect(new Set(keys).size).toBe(3000);
    expect(server.logins.length).toBeGreaterThan(3);
    expect(server.logins[0]).toEqual({ grant_type: 'client_credentials', client_id: 'client-1', client_secret: 'sf-hush' });
  });

  it('a refresh token needs no secret; secrets stand in no address', async () => {
    server.put(contact(1));
    const refreshing = createSalesforceSource((({ clientSecret: _, ...rest }) => ({ ...rest, refreshToken: 'refresh-hush' }))(configOf(server.loginUrl)), ['Email'], quick());
    expect((await readRun(refreshing)).keys).toEqual([idOf(1)]);
    expect(server.logins).toEqual([{ grant_type: 'refresh_token', client_id: 'client-1', refresh_token: 'refresh-hush' }]);
    expect(server.paths.join()).not.toContain('hush');
  });

  it('calls go where the log-in says', async () => {
    server.ways.instance = server.loginUrl.replace('127.0.0.1', 'localhost');
    expect(await source().check(signal)).toMatch(/^Salesforce at localhost:/);
  });

  it('wrong credentials, a log-in that fails for now, and a token that is refused at once are told apart, and no secret is said', async () => {
    for (const more of [{ clientSecret: 'sf-wrong-hush' }, { refreshToken: 'old-hush' }]) {
      const error = await failure(readRun(source(['Email'], more)));
      expect(error).toMatchObject({ kind: 'misconfigured', hint: expect.stringMatching(/clientSecret or refreshToken/) as string });
      expect(`${error.message} ${error.hint}`).not.toMatch(/hush/);
    }
    server.ways.strike = (_call, request, reply) => (request.method === 'POST' ? reply.code(400).send({ error: 'unknown_error', error_description: 'retry your request' }) : undefined);
    expect(await failure(readRun(source()))).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/logging in fails for now/) as string });
    server.ways.strike = undefined;
    server.ways.tokenCalls = 0;
    expect(await failure(readRun(source()))).toMatchObject({ kind: 'misconfigured', message: expect.stringMatching(/401, INVALID_SESSION_ID/) as string });
  });
});

describe('limits and refusals', () => {
  it('the day\'s calls used up is no mistake: the run waits and goes on from its page', async () => {
    server.put(...many(1000, (i) => T + i * 1000));
    server.ways.budget = 4;
    const reading = source(['Email'], { pageSize: 200 });
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    const keys: (string | null)[] = [];
    let position: Json | null = null;
    const read = async (): Promise<void> => {
      for await (const page of reading.pages(plan, position, signal)) {
        keys.push(...page.rows.map(({ key }) => key));
        position = page.position;
      }
    };
    expect(await failure(read())).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/used up \(REQUEST_LIMIT_EXCEEDED, 4 of 4\)/) as string });
    expect(keys).toHaveLength(600);
    server.ways.budget = 100;
    await read();
    expect(keys).toHaveLength(1000);
  });

  it('a budget that is nearly used up is a warning', async () => {
    server.ways.budget = 10;
    const reading = source();
    for (let i = 0; i < 8; i++) expect((await reading.begin({ kind: 'full', state: null }, signal)).warnings).toEqual([]);
    expect((await reading.begin({ kind: 'full', state: null }, signal)).warnings).toEqual([expect.stringMatching(/^9 of the org's 10 API calls/)]);
  });

  it.each([['REQUEST_LIMIT_EXCEEDED', 403, 'ConcurrentPerOrgLongTxn Limit exceeded.', /too many long calls/], ['QUERY_TIMEOUT', 400, 'Your query request was running for too long.', /longer than Salesforce lets/]])('%s is waited for', async (errorCode, status, message, words) => {
    server.ways.strike = (_call, request, reply) => (request.method === 'GET' ? reply.code(status).send([{ errorCode, message }]) : undefined);
    expect(await failure(readRun(source()))).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(words) as string });
  });

  it('a field, an object and a version that are not there are named', async () => {
    expect(await failure(readRun(source(['Email', 'E_mail__c'])))).toMatchObject({ kind: 'misconfigured', message: expect.stringMatching(/INVALID_FIELD, No such column 'E_mail__c' on entity 'Contact'/) as string, hint: expect.stringMatching(/field-level security/) as string });
    expect(await failure(readRun(source(['Email'], { object: 'Contakt' })))).toMatchObject({ kind: 'misconfigured', message: expect.stringMatching(/sObject type 'Contakt'/) as string });
    expect(await failure(readRun(source(['Email'], { apiVersion: '20.0' })))).toMatchObject({ kind: 'misconfigured', hint: 'check loginUrl and apiVersion' });
  });

  it('a refusal repeats nothing of the query, in which keys stand', async () => {
    const reading = source(['Email'], { key: 'External__c' });
    const plan = await reading.begin({ kind: 'only', state: null, keys: ['kari@example.com', 'Nordmann'] }, signal);
    server.ways.strike = (_call, _request, reply) => reply.code(400).send([{ errorCode: 'MALFORMED_QUERY', message: '\nWHERE External__c IN (\'kari@example.com\',\'Nordmann\')\n   ^\nERROR at Row:1:Column:62\nunexpected token' }]);
    const error = await failure(readInPieces(reading, plan));
    expect(error.message).toMatch(/MALFORMED_QUERY, unexpected token$/);
  });

  it('an answer that holds less than it says is asked for again; the same page for ever ends with words', async () => {
    server.put(...many(600, () => T));
    server.ways.bend = (call, body) => (call % 2 === 1 ? { ...body, done: true, nextRecordsUrl: undefined, totalSize: 900 } : body);
    expect(new Set((await readRun(source())).keys).size).toBe(600);
    let first: object | null = null;
    server.ways.bend = (_call, body) => {
      if ((body as { done: boolean }).done && first === null) return body;
      return (first ??= body);
    };
    expect(await failure(readRun(source(['Email'], { pageSize: 200 })))).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/the same page, or none, again and again/) as string });
  });
});
