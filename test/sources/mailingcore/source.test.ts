import { afterEach, describe, expect, it } from 'vitest';
import { compileContactReader } from '../../../src/contacts/index.js';
import { SourceError } from '../../../src/sources/index.js';
import { createMailingCoreSource } from '../../../src/sources/mailingcore/index.js';
import type { MailingCoreSourceConfig } from '../../../src/config/index.js';
import { readInPieces, readPlan, readRun, signal } from '../helpers.js';
import { configOf, quick, startPlatform, type Shown, type TestPlatform, type Ways } from './platform.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => { for (const close of closing.splice(0)) await close(); });

const COLUMNS = ['email', 'optIn', 'attributes.city'];
const iso = (ms: number): string => new Date(ms).toISOString();
const HOUR = 3_600_000;
const START = Math.floor((Date.now() - HOUR) / 1000) * 1000;
const contact = (i: number, more: Partial<Shown> = {}): Shown => ({
  id: `mcc_${i}`, externalId: `k${i}`, email: `p${i}@example.com`, optIn: true, attributes: { city: 'Oslo' }, updatedAt: iso(START + i * 100), ...more,
});
const contacts = (count: number): Shown[] => Array.from({ length: count }, (_, i) => contact(i));
const keys = (count: number): string[] => contacts(count).map(({ externalId }) => externalId!).sort();

async function world(ways: Partial<Ways> = {}, config: Partial<MailingCoreSourceConfig> = {}, columns = COLUMNS) {
  const platform = await startPlatform(ways);
  const timing = quick();
  const source = createMailingCoreSource(configOf(platform.baseUrl, config), columns, timing);
  closing.push(async () => {
    await source.close();
    await platform.close();
  });
  return { platform, timing, source };
}
const lists = ({ calls }: TestPlatform): string[] => calls.filter((url) => !url.includes('limit=1&'));

describe.each(['cursor', 'page'] as const)('MailingCore read by %s', (paging) => {
  it('every contact is handed over once where nothing changes, whole and in pieces', async () => {
    const { platform, source } = await world({ paging });
    platform.put(contacts(1_730));
    const { plan, keys: read, state, pages } = await readRun(source);
    expect([...read].sort()).toEqual(keys(1_730));
    expect(pages.filter(({ rows }) => rows.length > 500)).toEqual([]);
    expect(state.cursor).toBe(`${iso(START + 172_900).slice(0, 23)}000Z`);
    expect(new Set((await readInPieces(source, plan)).map(({ key }) => key))).toEqual(new Set(keys(1_730)));
    expect(await source.count(plan, signal)).toBe(1_730);
  });

  it.each(['ascending', 'descending'] as const)('%s: contacts that change or go while it reads cost no other contact', async (order) => {
    const { platform, source } = await world({ paging, order });
    platform.put(contacts(2_400));
    const plan = await source.begin({ kind: 'incremental', state: null }, signal);
    const read = new Set<string | null>();
    let turn = 0;
    for await (const page of source.pages(plan, null, signal)) {
      for (const { key } of page.rows) read.add(key);
      const first = turn++ * 37;
      platform.put([0, 1, 2].map((i) => contact(first + i, { updatedAt: iso(Date.now()), email: 'changed@example.com' })));
      platform.remove([`mcc_${first + 9}`]);
    }
    const touched = new Set(Array.from({ length: turn }, (_, i) => [0, 1, 2, 9].map((j) => `k${i * 37 + j}`)).flat());
    expect(keys(2_400).filter((key) => !read.has(key) && !touched.has(key))).toEqual([]);
  });

  it('what changed while a run read comes in the next one, though it was not seen', async () => {
    const { platform, source } = await world({ paging, order: 'descending' });
    platform.put(contacts(600));
    const plan = await source.begin({ kind: 'incremental', state: null }, signal);
    platform.put([contact(1, { updatedAt: iso(Date.now() + 1_000), email: 'late@example.com' })]);
    const { state } = await readPlan(source, plan);
    expect(state.cursor! <= plan.to!).toBe(true);
    const { rows } = await readRun(source, state);
    expect(rows.find(({ key }) => key === 'k1')?.values[0]).toBe('late@example.com');
  });
});

describe('bounds', () => {
  it('the upper bound is the server\'s Date, whatever our clock says, and the cursor stays at or before it', async () => {
    const there = Math.floor(Date.now() / 1000) * 1000 - 2 * HOUR;
    const { platform, source } = await world({ headers: { date: new Date(there).toUTCString() } });
    platform.put([contact(1, { updatedAt: iso(there - 5_000) }), contact(2, { updatedAt: iso(there + 2_000) })]);
    const { plan, state, keys: read } = await readRun(source);
    expect(plan.to).toBe(`${iso(there).slice(0, 23)}000Z`);
    expect(state.cursor).toBe(plan.to);
    expect(read).toHaveLength(2);
  });

  it.each([true, false])('a contact of the very moment of the lower bound is read (updatedSince inclusive: %s)', async (inclusive) => {
    const { platform, source } = await world({ inclusive }, { overlap: 0 });
    platform.put([contact(1)]);
    const first = await readRun(source);
    platform.put([contact(2, { updatedAt: contact(1).updatedAt! })]);
    expect((await readRun(source, first.state)).keys).toContain('k2');
    expect(lists(platform).at(-1)).toContain(`updatedSince=${encodeURIComponent(iso(START + 99)).replaceAll('%3A', ':')}`);
  });

  it('the overlap before the cursor is read again', async () => {
    const { platform, source } = await world({}, { overlap: 60_000 });
    platform.put([contact(1), contact(1_000)]);
    const first = await readRun(source);
    platform.put([contact(601), contact(2, { email: 'older@example.com' })]);
    expect([...(await readRun(source, first.state)).keys].sort()).toEqual(['k1000', 'k601']);
  });

  it('a time that is missing or far ahead is odd, moves no cursor, and the contact is handed over', async () => {
    const { platform, source } = await world();
    platform.put([contact(1), contact(2, { updatedAt: undefined }), contact(3, { updatedAt: '2999-01-01T00:00:00.000Z' })]);
    const { rows, state } = await readRun(source);
    expect(rows.filter(({ oddTime }) => oddTime).map(({ key }) => key).sort()).toEqual(['k2', 'k3']);
    expect(state.cursor).toBe(`${iso(START + 100).slice(0, 23)}000Z`);
  });

  it('chosen keys are asked for one by one: the externalId, or the id of a contact that has none', async () => {
    const { platform, source } = await world();
    platform.put([contact(1), contact(2, { externalId: null }), contact(3)]);
    expect((await readRun(source, null, { kind: 'only', keys: ['k1', 'mcc_2', 'mcc_3', 'nobody', 'a/b?c'] })).keys).toEqual(['k1', 'mcc_2']);
    expect(platform.calls).toContain('/contacts/a%2Fb%3Fc');
  });
});

describe('what a contact becomes', () => {
  it('its key is the externalId, else the id; every attribute comes along but those that are named', async () => {
    const { platform, source } = await world({}, {}, ['email', 'attributes.phone', 'attributes.home.city', 'attributes.a.b', '$.source', 'attributes.*']);
    platform.put([contact(1, { externalId: '', attributes: { phone: '+4712345678', home: { city: 'Bergen' }, 'a.b': 1, score: 7, vip: true }, source: 'form' } as Partial<Shown>)]);
    const { rows } = await readRun(source);
    expect(rows[0]).toMatchObject({ key: 'mcc_1', values: ['p1@example.com', '+4712345678', 'Bergen', 1, 'form', { score: 7, vip: true }] });
  });

  it('all attributes become attributes of the contact, whatever their names and values', async () => {
    const reader = compileContactReader({ email: 'email', attributes: { town: 'attributes.city' }, attributesFrom: 'attributes.*' });
    const { platform, source } = await world({}, {}, [...reader.columns]);
    const attributes = JSON.parse('{"city":"Oslo","town":"Moss","n":0,"list":[1],"none":null,"empty":"","__proto__":{"x":1},"\\u0000odd":"a"}') as Record<string, unknown>;
    platform.put([contact(1, { attributes }), contact(2, { attributes: undefined })]);
    const [first, second] = (await readRun(source)).rows.map((row) => reader.read(row));
    expect(first).toEqual({
      contact: expect.objectContaining({ key: 'k1', attributes: { town: 'Oslo', n: 0, list: [1], none: null, empty: null, odd: 'a' } }) as object,
      warnings: ['attributes: a name that cannot be used', 'attributes: characters that cannot be stored were left out'],
    });
    expect(second).toMatchObject({ contact: { attributes: { town: null } }, warnings: [] });
  });

  it('what is no contact is an invalid row, and costs no other', async () => {
    const { platform, source } = await world({ bend: (_call, body) => ({ ...body, data: [null, 'x', ...(body as { data: unknown[] }).data] }) });
    platform.put([contact(1)]);
    expect((await readRun(source)).rows).toMatchObject([{ fault: 'not a contact', place: 'page 1, contact 1' }, { fault: 'not a contact' }, { key: 'k1' }]);
  });
});

describe('lists that misbehave', () => {
  it('a list without totals is read until a page is empty or the last one comes again', async () => {
    for (const stuck of [false, true]) {
      const { platform, source } = await world({
        bend: (_call, body, before) => {
          const { data } = body as { data: unknown[] };
          return { data: stuck && data.length === 0 && before !== null ? (before as { data: unknown[] }).data : data };
        },
      });
      platform.put(contacts(1_000));
      expect(new Set((await readRun(source)).keys)).toEqual(new Set(keys(1_000)));
    }
  });

  it('a cursor that always comes again ends the list where it is read, and is an error where it is not', async () => {
    const { platform, source } = await world({ paging: 'cursor', bend: (_call, body) => ({ ...body, meta: { ...(body as { meta: object }).meta, nextCursor: Buffer.from(`${iso(START + 49_900)} mcc_499`).toString('base64url') } }) });
    platform.put(contacts(800));
    expect(new Set((await readRun(source)).keys)).toEqual(new Set(keys(800)));
    platform.put(contacts(1_400));
    await expect(readRun(source)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('same cursor') as string });
  });

  it('cursors in a circle are an error, not a run without end', async () => {
    const { platform, source } = await world({ paging: 'cursor', bend: (call, body) => ({ ...body, meta: { nextCursor: Buffer.from(`circle${call % 7}`).toString('base64url') } }) });
    platform.put(contacts(10));
    await expect(readRun(source)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('circle') as string });
    expect(platform.calls.length).toBeLessThan(60);
  });

  it('a stored cursor that ended meanwhile begins the list anew', async () => {
    const { platform, source } = await world({ paging: 'cursor' });
    platform.put(contacts(700));
    const plan = await source.begin({ kind: 'incremental', state: null }, signal);
    const read = new Set<string | null>();
    const ended = { at: 'cursor', cursor: Buffer.from('old').toString('base64url'), pages: 1, contacts: 500, same: 0, mark: '', turns: 0 };
    for await (const page of source.pages(plan, ended, signal)) for (const { key } of page.rows) read.add(key);
    expect(read).toEqual(new Set(keys(700)));
  });
});

describe('calls', () => {
  const refusal = (code: number, message: string): Partial<Ways> => ({ strike: (_call, _request, reply) => reply.code(code).send({ statusCode: code, message }) });

  it('go evenly, within the limits given for this source', async () => {
    const { platform, source, timing } = await world({}, { limits: { calls: 10, per: 10_000 } });
    platform.put(contacts(1_600));
    await readRun(source);
    expect(platform.calls).toHaveLength(8);
    expect(timing.waits).toEqual(Array(7).fill(1_020));
  });

  it('wait for the reset where the platform says that nothing is left, and as long as Retry-After says', async () => {
    const { platform, source, timing } = await world({
      strike: (call, _request, reply) => {
        if (call === 1) void reply.header('x-ratelimit-remaining', '0').header('x-ratelimit-reset', Math.ceil(Date.now() / 1000) + 30);
        return call === 2 ? reply.code(429).header('retry-after', '7').send({ statusCode: 429, message: 'Too many requests' }) : undefined;
      },
    });
    platform.put(contacts(3));
    expect((await readRun(source)).keys).toHaveLength(3);
    const [reset, told] = timing.waits;
    expect(reset).toBeGreaterThan(28_000);
    expect(told).toBe(7_000);
  });

  it.each([
    ['a wait of hours', { strike: (_call, _request, reply) => reply.code(429).header('retry-after', '7200').send({}) }, 'unreachable', 'wait 7200 s'],
    ['an exhausted quota', { strike: (_call, _request, reply) => reply.code(429).send({ message: 'monthly e-mail quota exceeded', quota: { limit: 1, used: 1 } }) }, 'unreachable', 'quota'],
    ['a scope that is missing', refusal(403, 'Missing contacts:read scope'), 'misconfigured', 'Missing contacts:read scope'],
    ['a wrong address', refusal(404, 'Cannot GET /contacts'), 'misconfigured', '404'],
    ['a query that is refused', refusal(400, 'bad p1@example.com'), 'misconfigured', 'bad [e-mail]'],
    ['an outage', refusal(502, 'bad gateway'), 'unreachable', '502 (5 times)'],
  ])('%s is said in words', async (_name, ways, kind, words) => {
    const { source } = await world(ways);
    const error = await source.begin({ kind: 'incremental', state: null }, signal).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ kind, message: expect.stringContaining(words) as string });
  });

  it('an answer that never ends is given up at the time-out, again and again, and said', async () => {
    const { source, timing } = await world({ strike: (_call, _request, reply) => reply.hijack() }, { timeout: 60 });
    await expect(source.check(signal)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('deadline') as string });
    expect(timing.waits).toEqual(expect.arrayContaining([500, 1_000, 2_000, 4_000]));
  });

  it('nobody listening is unreachable; a stop is passed on as it is', async () => {
    const { platform, source } = await world();
    const stop = new AbortController();
    stop.abort(new Error('stopping'));
    await expect(source.check(stop.signal)).rejects.toThrow('stopping');
    await platform.close();
    await expect(source.check(signal)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('nobody listens') as string });
  });
});
