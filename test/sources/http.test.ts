import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpSourceConfig } from '../../src/config/index.js';
import { SourceError, type Source } from '../../src/sources/index.js';
import { createHttpSource } from '../../src/sources/http/index.js';
import { compilePath } from '../../src/sources/api/index.js';
import { parseJson } from '../../src/sources/http/json.js';
import { nextLink } from '../../src/sources/http/paging.js';
import { boundOf, timeOf } from '../../src/sources/http/times.js';
import { load, mistakesOf } from '../config/support.js';
import { readRun, signal } from './helpers.js';

let app: FastifyInstance;
let url: string;
let answer: (request: FastifyRequest, reply: FastifyReply) => unknown;
const waits: number[] = [];
const sources: Source[] = [];

beforeEach(async () => {
  app = Fastify({ forceCloseConnections: true });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => { done(null, body); });
  app.all('/*', (request, reply) => answer(request, reply));
  url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/contacts`;
  waits.length = 0;
});
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close();
  await app.close();
});

/** A source as its configuration file makes it. */
function configOf(yaml: string): HttpSourceConfig {
  const { sources: built } = load(`version: 1\nsources:\n  crm:\n    type: http\n    url: ${url}\n${yaml.trim().split('\n').map((line) => `    ${line}`).join('\n')}\n`);
  return built['crm'] as HttpSourceConfig;
}
function source(yaml: string): Source {
  const made = createHttpSource(configOf(`key: id\nfields: {firstName: name}\n${yaml}`), ['name'], { wait: (ms) => Promise.resolve(waits.push(ms)) });
  sources.push(made);
  return made;
}
const query = (request: FastifyRequest): Record<string, string> => request.query as Record<string, string>;
const people = (from: number, to: number): object[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => ({ id: from + i, name: `n${from + i}`, at: 1_700_000_000 + from + i }));
const failure = async (work: Promise<unknown>): Promise<SourceError> => {
  const error = await work.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(SourceError);
  return error as SourceError;
};

describe('what an http source asks', () => {
  it('numbered pages without a number of pages end at the first empty one, whatever an answer holds', async () => {
    // The server gives fewer than were asked for: a page that is not full is not the last.
    answer = (request) => ({ data: people((Number(query(request)['p'] ?? 0)) * 3, Math.min(7, (Number(query(request)['p'] ?? 0) + 1) * 3)) });
    expect(new Set((await readRun(source('items: data\nparams: {page: [p, 0], limit: [limit, 500]}'))).keys)).toEqual(new Set(['0', '1', '2', '3', '4', '5', '6']));
  });

  it('a POST has its template filled; a slot without a value is left out; numbers stay numbers', async () => {
    const bodies: unknown[] = [];
    answer = (request) => {
      bodies.push(request.body);
      expect(query(request)).toEqual({});
      return { items: people(0, 1), next: bodies.length === 2 ? 'c2' : null };
    };
    const made = source('method: POST\nitems: items\nnextCursor: next\nupdatedAt: at\nsinceFormat: epochMs\nparams: {limit: [limit, 50]}\nbody: {filter: {from: "{since}"}, page: {size: "{limit}", after: "{cursor}"}, note: "up to {limit}", q: [1, "{cursor}"]}');
    await readRun(made, { cursor: '2024-01-01T00:02:00.000000Z', notes: null });
    const from = Date.parse('2024-01-01T00:00:00Z') - 1;
    expect(bodies.slice(1)).toEqual([
      { filter: { from }, page: { size: 50 }, note: 'up to 50', q: [1] },
      { filter: { from }, page: { size: 50, after: 'c2' }, note: 'up to 50', q: [1, 'c2'] },
    ]);
  });

  it('the bounds are in the format of the API, a unit early and late, and a first run sends no lower one', async () => {
    const asked: Record<string, string>[] = [];
    answer = (request, reply) => {
      asked.push(query(request));
      return reply.header('date', 'Mon, 01 Jan 2024 00:10:00 GMT').send({ data: people(0, 1) });
    };
    const made = source('items: data\nupdatedAt: at\nsinceFormat: epoch\nparams: {since: from, until: to}');
    const first = await readRun(made);
    expect(asked.at(-1)).toEqual({ to: String(Date.parse('2024-01-01T00:10:00Z') / 1000 + 1) });
    expect(first.state.cursor).toBe('2023-11-14T22:13:20.000000Z');
    await readRun(made, first.state);
    expect(asked.at(-1)).toMatchObject({ from: String(1_700_000_000 - 121) });
    expect(boundOf('2024-01-01T00:00:00.123456Z', 'since', 'iso')).toBe('2024-01-01T00:00:00.122Z');
    expect(boundOf('2024-01-01T00:00:00.123456Z', 'until', 'epochMs')).toBe(Date.parse('2024-01-01T00:00:00.124Z'));
  });

  it('without updatedAt the cursor is the server\'s clock at the start', async () => {
    answer = (_request, reply) => reply.header('date', 'Mon, 01 Jan 2024 00:10:00 GMT').send(people(0, 2));
    expect((await readRun(source('params: {since: from}'))).state.cursor).toBe('2024-01-01T00:10:00.000000Z');
    expect((await readRun(source(''))).state.cursor).toBeNull();
  });

  it('OAuth2: one token for many calls, fetched again once when it is refused', async () => {
    let tokens = 0;
    const forms: unknown[] = [];
    answer = (request, reply) => {
      if (request.url === '/token') {
        forms.push(request.body);
        tokens += 1;
        return { access_token: `t${tokens}`, expires_in: 3600 };
      }
      return request.headers.authorization === 'Bearer t2' ? people(0, 2) : reply.code(401).send({});
    };
    const oauth = (secret: string): string => `auth: {type: oauth2, tokenUrl: "${url.replace('contacts', 'token')}", clientId: me, clientSecret: ${secret}, scope: read}`;
    expect((await readRun(source(oauth('hush-hush')))).keys).toEqual(['0', '1']);
    expect(tokens).toBe(2);
    expect(forms[0]).toBe('grant_type=client_credentials&scope=read&client_id=me&client_secret=hush-hush');
    answer = (request, reply) => reply.code(401).send({ error: 'invalid_client', error_description: `wrong ${JSON.stringify(request.body)}` });
    const error = await failure(readRun(source(oauth('hush-hush'))));
    expect(error.kind).toBe('misconfigured');
    expect(error.message).toContain('status 401');
    expect(error.message).not.toContain('hush');
  });
});

describe('what an http source understands', () => {
  it('keys that are numbers become text, exactly, however long', async () => {
    answer = (_request, reply) => reply.type('application/json').send('[{"id": 9007199254740993, "name": "12345678901234567890 \\" 1"}, {"id": 9007199254740992}, {"id": -7}, {"name": "x"}, 5]');
    const { rows } = await readRun(source(''));
    expect(rows.map(({ key }) => key)).toEqual(['9007199254740993', '9007199254740992', '-7', null, null]);
    expect(rows[0]!.values).toEqual(['12345678901234567890 " 1']);
    expect(rows[4]!.fault).toBe('not a JSON object');
    expect(parseJson('{"a": 1234567890123456.5, "b": 1.2345678901234567e3}')).toEqual({ a: 1234567890123456.5, b: 1234.5678901234567 });
  });

  it('paths: names, elements, names with dots, the whole; own properties only', () => {
    const value = { a: { b: [{ c: 1 }, 2] }, 'x.y': 3, q: { 'r.s': 4 } };
    expect(['a.b[0].c', 'a.b[1]', '$.a.b[1]', 'x.y', 'q["r.s"]', 'a.b[9]', 'a.constructor', 'a.b.length'].map((path) => compilePath(path)(value))).toEqual([1, 2, 2, 3, 4, undefined, undefined, undefined]);
    expect(compilePath('$')(value)).toBe(value);
  });

  it('times in ISO, seconds or milliseconds', () => {
    const time = '2023-11-14T22:13:20.000000Z';
    expect([1_700_000_000, 1_700_000_000_000, '1700000000', '1700000000000', '2023-11-14T22:13:20Z'].map(timeOf)).toEqual([time, time, time, time, time]);
    expect(['soon', null, true, Number.NaN, {}].map(timeOf)).toEqual([null, null, null, null, null]);
  });

  it('a Link header with several links and parameters', () => {
    expect(nextLink('<https://a/?p=1,2>; rel="prev first", <https://a/?p=3>; title="rel=next, <no>"; rel=next')).toBe('https://a/?p=3');
    expect(nextLink('<https://a/?p=1>; rel="last"')).toBeNull();
  });
});

describe('what an http source refuses to go on with, in words', () => {
  it.each([
    ['the same cursor again', 'items: data\nnextCursor: next\nparams: {cursor: c}', () => ({ data: people(0, 1), next: 'x' }), 'go round in circles'],
    ['cursors in a circle', 'items: data\nnextCursor: next\nparams: {cursor: c}', (request: FastifyRequest) => ({ data: [], next: { a: 'b', b: 'c', c: 'a' }[query(request)['c'] ?? 'c'] }), 'go round in circles'],
    ['a page parameter that is not known', 'items: data\nparams: {page: p}', () => ({ data: people(0, 3) }), 'the same as the page before'],
    ['an offset parameter that is not known', 'items: data\nparams: {offset: o}', () => ({ data: people(0, 3) }), 'the same as the page before'],
    ['a full answer with no way on', 'items: data\nparams: {limit: [n, 3]}', () => ({ data: people(0, 3) }), 'no way to the next page'],
    ['a next page at another place', 'items: data\nnextUrl: next', () => ({ data: [], next: 'https://elsewhere.example/x' }), 'given the credentials'],
    ['records elsewhere', 'items: data', () => ({ results: [] }), 'items data is no list; it has results'],
    ['a redirect', '', (_request: FastifyRequest, reply: FastifyReply) => reply.redirect('/other'), 'status 302'],
  ] as const)('%s', async (_words, yaml, answers, expected) => {
    answer = answers;
    const error = await failure(readRun(source(yaml)));
    expect(error.kind).toBe('misconfigured');
    expect(error.message).toContain(expected);
    expect(error.hint).toBeTruthy();
  });

  it('an API\'s words are repeated without personal data, and nothing else of its answer is', async () => {
    answer = (_request, reply) => reply.code(403).send({ error: { message: 'ann@example.com may not' }, record: 'Ann Alba' });
    const { message } = await failure(readRun(source('')));
    expect(message).toContain('[e-mail] may not');
    expect(message).not.toMatch(/Ann|ann@/);
  });

  it('429 is waited out as told; a wait of hours is the run\'s', async () => {
    let calls = 0;
    answer = (_request, reply) => (++calls <= 2 ? reply.code(429).header('retry-after', '7').send({}) : people(0, 1));
    expect((await readRun(source(''))).keys).toEqual(['0']);
    expect(waits).toEqual([7000, 7000]);
    answer = (_request, reply) => reply.code(429).header('retry-after', '7200').send({});
    expect(await failure(readRun(source('')))).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('asks to wait 7200 s') as string });
  });

  it('a call has an end, and an interrupted run waits for nothing', async () => {
    answer = () => new Promise(() => undefined);
    expect(await failure(readRun(source('timeout: 100ms')))).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('5 times in a row') as string });
    const controller = new AbortController();
    const begun = source('').begin({ kind: 'full', state: null }, controller.signal);
    controller.abort(new Error('stop'));
    await expect(begun).rejects.toThrow();
  });

  it('a stored cursor that is no longer known starts the reading over', async () => {
    let known = false;
    answer = (request, reply) => {
      const { c } = query(request);
      if (c !== undefined && !known) {
        known = true;
        return reply.code(410).send({});
      }
      return c === undefined ? { data: people(0, 2), next: 'two' } : { data: people(2, 4), next: '' };
    };
    expect((await readRun(source('items: data\nnextCursor: next\nparams: {cursor: c}'))).keys).toEqual(['0', '1', '0', '1', '2', '3']);
  });

  it('chosen keys without keyUrl, and a window without updatedAt', async () => {
    answer = () => [];
    expect((await failure(source('').begin({ kind: 'only', state: null, keys: ['1'] }, signal))).hint).toContain('keyUrl');
    expect((await failure(source('').begin({ kind: 'window', state: null }, signal))).hint).toContain('updatedAt');
  });
});

describe('its configuration', () => {
  const words = (yaml: string): string[] =>
    mistakesOf(`version: 1\nsources:\n  crm:\n    type: http\n    url: https://crm.example/c\n    key: id\n    fields: {}\n${yaml.split('\n').map((line) => `    ${line}`).join('\n')}\n`).map(({ key, found, expected }) => `${key}: ${found} | ${expected}`);
  it.each([
    ['nextCursor: a', 'no parameter that takes the cursor'],
    ['params: {cursor: c}', 'a cursor that no answer gives'],
    ['nextUrl: a\nlinkHeader: true', 'more than one way to the next page (url, link)'],
    ['body: {a: 1}', 'a body of a GET'],
    ['keyUrl: https://crm.example/c', 'no {key} in it'],
    ['params: {limit: 500}', '[NAME, N]'],
    ['headers: {X-Api-Key: [hush]}', 'headers.X-Api-Key'],
  ])('a mistake has good words: %s', (yaml, expected) => {
    const found = words(yaml).join('\n');
    expect(found).toContain(expected);
    expect(found).not.toContain('hush');
  });
});
