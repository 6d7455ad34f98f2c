import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceError } from '../../../src/sources/index.js';
import { createSource } from '../../../src/sources/index.js';
import { createHubspotSource } from '../../../src/sources/hubspot/index.js';
import { readInPieces, readRun, signal } from '../helpers.js';
import { configOf, quick, startHubspot, type Kept } from './server.js';

const T = Date.parse('2026-01-31T12:00:00.250Z');
const MINUTE = 60_000;
let server: Awaited<ReturnType<typeof startHubspot>>;
beforeEach(async () => {
  server = await startHubspot();
});
afterEach(() => server.close());

const source = (columns = ['email'], more = {}, waits?: number[]) => createHubspotSource(configOf(server.baseUrl, more), columns, quick(waits));
const contact = (id: number, time = T, properties: Kept['properties'] = { email: `c${id}@example.com` }): Kept => ({ id, time, properties });
const many = (count: number, time: number): Kept[] => Array.from({ length: count }, (_, i) => contact(i + 1, time));
const failure = (work: Promise<unknown>): Promise<SourceError> => work.then(() => { throw new Error('it passed'); }, (error: unknown) => error as SourceError);

describe('reading', () => {
  it('25,000 contacts of one time come whole, though a query gives 10,000 and ids are not compared as text', async () => {
    server.put(...many(25_000, T));
    const { keys, state } = await readRun(source());
    expect(new Set(keys).size).toBe(25_000);
    expect(keys.slice(0, 12)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']);
    expect(state.cursor).toBe('2026-01-31T12:00:00.250000Z');
    expect(server.searches.every((search) => (search.limit ?? 0) <= 200 && search.after === undefined)).toBe(true);
  });

  it('goes on from every stored position', async () => {
    server.put(...many(950, T));
    const reading = source();
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    expect(await readInPieces(reading, plan)).toHaveLength(950);
  });

  it('what the index learns minutes later is found by the next run', async () => {
    let now = Date.now();
    server.ways.now = () => now;
    server.put(contact(1, now - MINUTE), { ...contact(2, now - 4 * MINUTE), indexedAt: now + 3 * MINUTE });
    const first = await readRun(source());
    expect(first.keys).toEqual(['1']);
    now += 5 * MINUTE;
    expect((await readRun(source(), first.state)).keys).toEqual(['1', '2']);
  });

  it('a whole hour without an index moves no cursor', async () => {
    const stalled = { ...contact(1, Date.now() - 60 * MINUTE), indexedAt: Date.now() + MINUTE };
    server.put(stalled);
    const first = await readRun(source(), { cursor: '2026-01-01T00:00:00.000000Z', notes: null });
    expect(first.state.cursor).toBe('2026-01-01T00:00:00.000000Z');
    server.ways.now = () => Date.now() + 2 * MINUTE;
    expect((await readRun(source(), first.state)).keys).toEqual(['1']);
  });

  it('archived contacts come in full runs, with the time of their archiving, and in no other', async () => {
    server.put(contact(1), ...Array.from({ length: 250 }, (_, i) => ({ ...contact(i + 2), archivedAt: T + 1000 })));
    const full = await readRun(source(['archivedAt']), null, { kind: 'full' });
    expect(full.keys).toHaveLength(251);
    expect(full.rows[0]?.values).toEqual([null]);
    expect(full.rows[250]).toMatchObject({ values: ['2026-01-31T12:00:01.250000Z'], time: '2026-01-31T12:00:01.250000Z' });
    expect((await readRun(source(['archivedAt']))).keys).toEqual(['1']);
    expect((await readRun(source(['email']), null, { kind: 'full' })).keys).toEqual(['1']);
  });

  it('a column of alternatives takes the first that is filled; a key may be any property', async () => {
    server.put(contact(1, T, { phone: '', mobilephone: '+4790000000', external_id: 'A-1' }), contact(2, T, { phone: '+471', external_id: null }));
    const { rows } = await readRun(source(['phone|mobilephone'], { key: 'external_id' }));
    expect(rows.map(({ key, values }) => [key, values[0]])).toEqual([['A-1', '+4790000000'], [null, '+471']]);
  });

  it('chosen keys are read by batches of a hundred, by id or by the key', async () => {
    server.put(...Array.from({ length: 260 }, (_, i) => contact(i + 1, T, { external_id: `E${i + 1}` })));
    const keys = Array.from({ length: 250 }, (_, i) => String(i + 1));
    expect((await readRun(source(), null, { kind: 'only', keys: [...keys, 'no-id', '999'] })).keys).toEqual(keys);
    expect((await readRun(source(['email'], { key: 'external_id' }), null, { kind: 'only', keys: ['E7', 'E8', 'gone'] })).keys).toEqual(['E7', 'E8']);
  });

  it('counts what a plan covers', async () => {
    server.put(...many(30, T), contact(99, T + MINUTE));
    const reading = source();
    const plan = await reading.begin({ kind: 'window', state: null, from: '2026-01-31T12:00:00.250000Z', to: '2026-01-31T12:01:00.250000Z' }, signal);
    expect(await reading.count(plan, signal)).toBe(30);
  });
});

describe('a mistake is said before a contact is read', () => {
  it('a property that does not exist, which HubSpot would leave out for everybody without a word', async () => {
    const error = await failure(readRun(source(['email', 'e_mail'])));
    expect(error).toMatchObject({ kind: 'misconfigured', message: 'source crm: HubSpot\'s contacts have no property "e_mail"' });
  });

  it('a token without the right to see properties is a warning, a wrong one an error without the token', async () => {
    server.ways.blindToProperties = true;
    server.put(contact(1));
    const { plan, keys } = await readRun(source());
    expect([keys, plan.warnings.length]).toEqual([['1'], 1]);
    const error = await failure(readRun(source(['email'], { accessToken: 'pat-wrong' })));
    expect(error).toMatchObject({ kind: 'misconfigured' });
    expect(`${error.message} ${error.hint}`).toMatch(/401.*accessToken/);
    expect(`${error.message} ${error.hint}`).not.toContain('pat-wrong');
  });
});

describe('limits', () => {
  it('calls are spread: six of them meet no limit of five a second', async () => {
    server.ways.perSecond = 5;
    server.put(...many(1200, T));
    const { keys } = await readRun(createSource(configOf(server.baseUrl), ['email']));
    expect(keys).toHaveLength(1200);
    expect(server.paths).toHaveLength(8);
  });

  it('a refusal of the second is waited out, as told; the day\'s is left to the run', async () => {
    server.put(contact(1));
    const waits: number[] = [];
    server.ways.strike = (call, _request, reply) => (call < 3 ? reply.code(429).header('retry-after', '7').send({ errorType: 'RATE_LIMIT', policyName: 'TEN_SECONDLY_ROLLING' }) : undefined);
    expect((await readRun(source(['email'], {}, waits))).keys).toEqual(['1']);
    expect(waits).toEqual([7000, 7000]);
    server.ways.strike = (_call, _request, reply) => reply.code(429).send({ errorType: 'RATE_LIMIT', policyName: 'DAILY' });
    expect(await failure(readRun(source()))).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/of the day are used up/) as string });
  });

  it('a wait longer than a minute is the run\'s, and so are refusals without an end', async () => {
    server.ways.strike = (_call, _request, reply) => reply.code(429).header('retry-after', '3600').send({});
    const waits: number[] = [];
    expect(await failure(readRun(source(['email'], {}, waits)))).toMatchObject({ kind: 'unreachable' });
    expect(waits).toEqual([]);
    server.ways.strike = (_call, _request, reply) => reply.code(429).send({});
    expect(await failure(readRun(source(['email'], {}, waits)))).toMatchObject({ kind: 'unreachable' });
    expect(waits).toHaveLength(11);
  });

  it('a page that comes again for ever ends with words', async () => {
    server.put(...many(400, T));
    let first: object | null = null;
    server.ways.bend = (call, body) => {
      // The third search is that of the first page, after the bound's.
      if (call > 2) first ??= body;
      return first ?? body;
    };
    expect(await failure(readRun(source()))).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/the same page again and again/) as string });
  });

  it('an answer that never ends is cut by the time-out and tried again; an abort ends it at once', async () => {
    server.put(contact(1));
    server.ways.strike = (call, _request, reply) => {
      if (call > 1) return undefined;
      reply.hijack();
      return reply;
    };
    expect((await readRun(source(['email'], { timeout: 200 }))).keys).toEqual(['1']);
    const stop = new AbortController();
    server.ways.strike = (_call, _request, reply) => {
      stop.abort(new Error('stopped'));
      reply.hijack();
      return reply;
    };
    await expect(source().check(stop.signal)).rejects.toThrow('stopped');
  });
});
