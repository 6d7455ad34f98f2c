import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceError} from '../../../src/sources/index.js';
import type { SourcePage } from '../../../src/sources/index.js';
import { createPipedriveSource } from '../../../src/sources/pipedrive/index.js';
import { readInPieces, readRun, signal } from '../helpers.js';
import { configOf, quick, startPipedrive, type Kept } from './server.js';

const T = '2026-01-31T12:00:00Z';
const CUSTOM = 'a'.repeat(40);
let server: Awaited<ReturnType<typeof startPipedrive>>;
beforeEach(async () => {
  server = await startPipedrive();
});
afterEach(() => server.close());

const source = (columns = ['email'], more = {}, waits?: number[]) => createPipedriveSource(configOf(server.baseUrl, more), columns, quick(waits));
const at = (second: number): string => `${new Date(Date.parse(T) + second * 1000).toISOString().slice(0, 19)}Z`;
const spread = (count: number): Kept[] => Array.from({ length: count }, (_, i) => ({ id: i + 1, time: at(i) }));
const failure = (work: Promise<unknown>): Promise<SourceError> => work.then(() => { throw new Error('it passed'); }, (error: unknown) => error as SourceError);

describe('reading', () => {
  it.each(['offset', 'next'] as const)('25,000 persons of one second come whole, and go on from every position (a marker by %s)', async (marker) => {
    server.ways.marker = marker;
    server.put(...Array.from({ length: 25_000 }, (_, i) => ({ id: i + 1, time: T })), { id: 30_000, time: at(1) });
    const reading = source();
    const { keys, plan, state } = await readRun(reading);
    expect(new Set(keys).size).toBe(25_001);
    expect(state.cursor).toBe('2026-01-31T12:00:01.000000Z');
    expect(new Set((await readInPieces(reading, plan)).map(({ key }) => key)).size).toBe(25_001);
  });

  it.each(['offset', 'next'] as const)('a person that changes while pages are read costs no other (a marker by %s)', async (marker) => {
    server.ways.marker = marker;
    server.put(...spread(2000));
    const reading = source();
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    const seen = new Set<string | null>();
    let page = 0;
    for await (const { rows } of reading.pages(plan, null, signal)) {
      for (const { key } of rows) seen.add(key);
      page++;
      // Those already read, and the very next one.
      server.put({ id: page * 10, time: at(10_000_000) }, { id: page * 499 + 2, time: at(10_000_000) });
    }
    const missing = spread(2000).map(({ id }) => id).filter((id) => !seen.has(String(id)) && server.persons.get(id)!.time < at(5000));
    expect(missing).toEqual([]);
  });

  it('persons that come in another order than asked for are all read', async () => {
    server.ways.ignoresSort = true;
    server.put(...Array.from({ length: 1800 }, (_, i) => ({ id: i + 1, time: at((i * 7919) % 1800) })));
    expect(new Set((await readRun(source())).keys).size).toBe(1800);
  });

  it('a stored marker that is no longer known is made up for', async () => {
    server.put(...Array.from({ length: 1200 }, (_, i) => ({ id: i + 1, time: T })));
    const reading = source();
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    let first: SourcePage | undefined;
    for await (const page of reading.pages(plan, null, signal)) {
      first = page;
      if ((first.position as { cursor: string | null }).cursor !== null) break;
    }
    server.given.clear();
    const keys = new Set<string | null>();
    for await (const { rows } of reading.pages(plan, JSON.parse(JSON.stringify(first!.position)) as never, signal)) for (const { key } of rows) keys.add(key);
    expect(keys.size).toBe(1200);
  });

  it('a run reads from its overlap to the second it began in', async () => {
    server.put({ id: 1, time: at(-121) }, { id: 2, time: at(-120) }, { id: 3, time: at(5) });
    const { keys } = await readRun(source(), { cursor: '2026-01-31T12:00:00.000000Z', notes: null });
    expect(keys).toEqual(['2', '3']);
    expect(server.queries.at(-1)).toMatchObject({ updated_since: at(-120), sort_by: 'update_time', limit: '500' });
  });

  it('e-mail and phone are the primary ones, else the first filled; custom fields by path; a deletion has a time', async () => {
    const phones = [{ value: '', primary: true }, { value: '+471', primary: false }];
    server.put(
      { id: 1, time: T, emails: [{ value: 'b@x.no', primary: false }, { value: 'a@x.no', primary: true, label: 'work' }], phones, custom_fields: { [CUSTOM]: { value: 7 } } },
      { id: 2, time: T, is_deleted: true, custom_fields: { [CUSTOM]: null } },
    );
    const { rows, plan } = await readRun(source(['email', 'phone', `custom_fields.${CUSTOM}.value`, 'deleted_at', 'emails[0].value']));
    expect(rows.map(({ values }) => values)).toEqual([['a@x.no', '+471', 7, null, 'b@x.no'], [null, null, null, T, null]]);
    expect(plan.warnings).toEqual([]);
    expect(server.queries[0]).toMatchObject({ custom_fields: CUSTOM });
  });

  it('chosen keys are read by id, a hundred a call; by another key they cannot be', async () => {
    server.put(...spread(260));
    const keys = Array.from({ length: 250 }, (_, i) => String(i + 1));
    expect((await readRun(source(), null, { kind: 'only', keys: [...keys, 'no-id'] })).keys).toEqual(keys);
    const error = await failure(readRun(source(['email'], { key: `custom_fields.${CUSTOM}` }), null, { kind: 'only', keys: ['x'] }));
    expect(error).toMatchObject({ kind: 'misconfigured', hint: expect.stringMatching(/--only/) as string });
  });
});

describe('a mistake is said', () => {
  it('a field that no person has, before a call is made', async () => {
    const error = await failure(readRun(source(['email', 'mail.value'])));
    expect(error).toMatchObject({ kind: 'misconfigured', message: 'source crm: Pipedrive\'s persons have no "mail.value"' });
    expect(server.queries).toEqual([]);
  });

  it('a custom field that a person does not list is a warning', async () => {
    server.put({ id: 1, time: T, custom_fields: { other: 1 } });
    expect((await readRun(source([`custom_fields.${CUSTOM}`]))).plan.warnings).toHaveLength(1);
  });

  it('fields that come on request are asked for', async () => {
    await readRun(source(['marketing_status', 'email']));
    expect(server.queries.every((query) => query['include_fields'] === 'marketing_status')).toBe(true);
  });

  it('a wrong token, without the token; a closed account', async () => {
    const error = await failure(readRun(source(['email'], { apiToken: 'pipe-wrong' })));
    expect(`${error.kind} ${error.message} ${error.hint}`).toMatch(/misconfigured.*401.*apiToken/);
    expect(`${error.message} ${error.hint}`).not.toContain('pipe-wrong');
    server.ways.strike = (_call, _request, reply) => reply.code(402).send({ success: false, error: 'company account is not open' });
    expect(await failure(readRun(source()))).toMatchObject({ kind: 'misconfigured', hint: expect.stringMatching(/not open/) as string });
  });
});

describe('limits', () => {
  it('a budget that is spent leaves the run to wait, and it goes on from its page', async () => {
    server.put(...spread(1400));
    server.ways.budget = 60;
    const reading = source();
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    const keys = new Set<string | null>();
    let position: SourcePage['position'] = null;
    const error = await failure((async () => {
      for await (const page of reading.pages(plan, null, signal)) {
        page.rows.forEach(({ key }) => keys.add(key));
        ({ position } = page);
      }
    })());
    expect(error).toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/tokens of the day are used up/) as string });
    server.ways.budget = undefined;
    for await (const page of reading.pages(plan, position, signal)) page.rows.forEach(({ key }) => keys.add(key));
    expect(keys.size).toBe(1400);
  });

  it('a refusal of the moment is waited out', async () => {
    server.put(...spread(1));
    const waits: number[] = [];
    server.ways.strike = (call, _request, reply) => (call === 1 ? reply.code(429).header('x-ratelimit-reset', '2').send({ success: false, error: 'request over limit' }) : undefined);
    expect((await readRun(source(['email'], {}, waits))).keys).toEqual(['1']);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(0);
    expect(waits[0]).toBeLessThanOrEqual(3000);
  });
});
