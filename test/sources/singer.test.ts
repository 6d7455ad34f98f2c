import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SingerSourceConfig } from '../../src/config/index.js';
import type { Json } from '../../src/contacts/index.js';
import { createSource, SourceError, type Source, type SourcePage } from '../../src/sources/index.js';
import { createSingerSource } from '../../src/sources/singer/index.js';
import { collect, readInPieces, readRun, signal } from './helpers.js';

const TAP = fileURLToPath(new URL('fixtures/tap.mjs', import.meta.url));

interface Started {
  readonly pid?: number;
  readonly child?: number;
  readonly discover?: boolean;
  readonly state?: { since: string } | null;
  readonly catalog?: { streams: { tap_stream_id: string; metadata: { breadcrumb: string[]; metadata: Record<string, unknown> }[] }[] } | null;
  readonly modes?: string[];
  readonly folder?: string;
}

let folder: string;
let sources: Source[];
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'syncline-singer-'));
  sources = [];
});
afterEach(async () => {
  for (const source of sources) await source.close();
  for (const { pid, child, folder: given } of started()) {
    for (const id of [pid, child]) if (id !== undefined) expect(runs(id)).toBe(false);
    if (given !== undefined) expect(existsSync(path.dirname(given))).toBe(false);
  }
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => path.join(folder, name);
const time = (i: number): string => new Date(Date.UTC(2024, 0, 1) + i * 1000).toISOString();

function contacts(count: number, from = 0): object[] {
  return Array.from({ length: count }, (_, i) => ({ id: `c${from + i}`, email: `${from + i}@x.co`, address: { city: `City ${from + i}` }, updated_at: time(from + i) }));
}

const put = (rows: readonly object[]): void => { writeFileSync(at('data.json'), JSON.stringify(rows)); };

function started(): Started[] {
  return existsSync(at('log')) ? readFileSync(at('log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Started) : [];
}
/** Readings, not discoveries. */
const readings = (): Started[] => started().filter(({ pid, discover }) => pid !== undefined && discover !== true);

function runs(pid: number): boolean {
  try {
    // A zombie whose parent has not looked yet runs no more.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

type Misdeeds = Record<string, unknown>;

function configOf(misdeeds: Misdeeds = {}, more: Partial<SingerSourceConfig> = {}): SingerSourceConfig {
  return {
    type: 'singer', name: 'crm', command: [process.execPath, TAP], directory: folder, stream: 'contacts', timeout: 20_000, overlap: 0, pageSize: 100, fields: {},
    config: { data: at('data.json'), log: at('log'), password: 'open-sesame', ...misdeeds }, ...more,
  };
}

function source(misdeeds: Misdeeds = {}, more: Partial<SingerSourceConfig> = {}, columns = ['email', 'address.city'], options: { now?: () => number; parkedMs?: number } = {}): Source {
  const made = createSingerSource(configOf(misdeeds, more), columns, options);
  sources.push(made);
  return made;
}

async function failure(reading: Source): Promise<SourceError> {
  const error: unknown = await readRun(reading).then(() => null, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SourceError);
  return error as SourceError;
}

/** Reads until the end or the first failure. */
async function untilFailure(reading: Source, plan: Awaited<ReturnType<Source['begin']>>, position: Json | null = null): Promise<{ pages: SourcePage[]; error: unknown }> {
  const pages: SourcePage[] = [];
  try {
    for await (const page of reading.pages(plan, position, signal)) pages.push(page);
    return { pages, error: null };
  } catch (error) {
    return { pages, error };
  }
}

describe('a tap', () => {
  it('gives every record of its stream once, with key, time and paths by its schema', async () => {
    put(contacts(250));
    const run = await readRun(source());
    expect(run.keys).toEqual(Array.from({ length: 250 }, (_, i) => `c${i}`));
    expect(run.rows[7]).toMatchObject({ key: 'c7', time: '2024-01-01T00:00:07.000000Z', values: ['7@x.co', 'City 7'] });
    expect(run.pages.map((page) => [page.rows.length, page.last])).toEqual([[100, false], [100, false], [50, false], [0, true]]);
    expect(run.state.cursor).toBe('2024-01-01T00:04:09.000000Z');
  });

  it('is made by its type, and says in a line what it found', async () => {
    put(contacts(3));
    const made = createSource(configOf(), ['email']);
    sources.push(made);
    expect(await made.check(signal)).toBe('source crm: tap node: stream contacts, its first record was read, key as the stream names it');
  });

  it('goes on next time with its last STATE, digit by digit as it wrote it', async () => {
    put(contacts(50));
    const reading = source();
    const first = await readRun(reading);
    expect(JSON.stringify(first.state.notes)).toContain('90071992547409931234');
    put(contacts(60));
    const second = await readRun(reading, JSON.parse(JSON.stringify(first.state)) as typeof first.state);
    expect(readings()[1]!.state!.since).toBe(time(49));
    expect(second.keys).toEqual(Array.from({ length: 11 }, (_, i) => `c${49 + i}`));
    expect((await readRun(reading, second.state, { kind: 'full' })).keys).toHaveLength(60);
  });

  it('is given its configuration in files only we can read, which are gone afterwards', async () => {
    put(contacts(2));
    const reading = source();
    const first = await readRun(reading);
    await readRun(reading, first.state);
    expect(readings()[1]!.modes).toEqual(['600', '600', '600']);
  });

  it('has its stream selected, the needed properties with it, incremental where that is configured', async () => {
    put(contacts(2));
    await readRun(source({ streamId: 'public-contacts' }, { stream: 'public-contacts', replicationKey: 'updated_at' }));
    const [deals, ours] = readings()[0]!.catalog!.streams;
    const of = (stream: typeof ours, ...breadcrumb: string[]) => stream!.metadata.find((item) => item.breadcrumb.join() === breadcrumb.join())?.metadata;
    expect(of(deals)).toMatchObject({ selected: false });
    expect(of(ours)).toEqual({ inclusion: 'available', selected: true, 'replication-method': 'INCREMENTAL', 'replication-key': 'updated_at' });
    expect(of(ours, 'properties', 'address')).toEqual({ selected: true });
    expect(of(ours, 'properties', 'email')).toEqual({ selected: true });
  });

  it('without --discover is run without a catalog; one with a catalog file is not asked', async () => {
    put(contacts(2));
    expect((await readRun(source({ noDiscovery: true }))).rows).toHaveLength(2);
    expect(readings()[0]!.catalog).toBeNull();
    writeFileSync(at('catalog.json'), JSON.stringify({ streams: [{ tap_stream_id: 'people', stream: 'contacts' }] }));
    const before = started().length;
    expect((await readRun(source({}, { stream: 'people', catalog: at('catalog.json') }))).rows).toHaveLength(2);
    expect(started()).toHaveLength(before + 1);
  });

  it('takes keys of several properties apart, whatever is in them', async () => {
    put([{ id: 'a|b', email: 'c', updated_at: time(1) }, { id: 'a', email: 'b|c', updated_at: time(2) }, { id: 'a', email: null, updated_at: time(3) }]);
    expect((await readRun(source({ keys: ['id', 'email'] }))).keys).toEqual(['a\\|b|c', 'a|b\\|c', null]);
  });

  it('takes whole numbers for keys that a double cannot hold', async () => {
    writeFileSync(at('data.json'), JSON.stringify(contacts(1)));
    const program = `process.stdout.write('{"type":"RECORD","stream":"contacts","record":{"id":9007199254740993,"email":"1 {\\\\"a\\\\":12345678901234567890}"}}\\n')`;
    const run = await readRun(source({}, { command: [process.execPath, '-e', program, '--'], key: 'id', properties: write('p.json', { streams: [{ stream: 'contacts' }] }) }, ['email']));
    expect(run.rows).toMatchObject([{ key: '9007199254740993', values: ['1 {"a":12345678901234567890}'] }]);
  });

  it('may write no STATE at all: every run then reads everything', async () => {
    put(contacts(5));
    const reading = source({ noState: true, version: true });
    const first = await readRun(reading);
    expect((await readRun(reading, first.state)).keys).toHaveLength(5);
  });

  it('is read for chosen keys and for a window by picking them out', async () => {
    put(contacts(300));
    const reading = source();
    expect((await readRun(reading, null, { kind: 'only', keys: ['c7', 'c250', 'none'] })).keys).toEqual(['c7', 'c250']);
    const window = { kind: 'window', from: '2024-01-01T00:00:10.000000Z', to: '2024-01-01T00:00:12.000000Z' } as const;
    expect((await readRun(reading, null, window)).keys).toEqual(['c10', 'c11']);
    expect((await readRun(reading, null, { kind: 'window' })).keys).toHaveLength(300);
  });
});

function write(name: string, content: unknown): string {
  writeFileSync(at(name), JSON.stringify(content));
  return at(name);
}

describe('a reading that is broken off', () => {
  it('goes on with the tap that waits at the page, started once', async () => {
    put(contacts(450));
    const reading = source();
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    expect((await readInPieces(reading, plan)).map((row) => row.key)).toEqual(Array.from({ length: 450 }, (_, i) => `c${i}`));
    expect(readings()).toHaveLength(1);
  });

  /** Every page by another source, as after a SIGKILL of the worker. */
  async function killedAtEveryPage(misdeeds: Misdeeds, between?: (page: number) => void): Promise<string[]> {
    const keys: string[] = [];
    const plan = await source(misdeeds).begin({ kind: 'full', state: null }, signal);
    let position: Json | null = null;
    for (let count = 1; count < 40; count++) {
      const reading = source(misdeeds);
      for await (const page of reading.pages(plan, position, signal)) {
        keys.push(...page.rows.map((row) => row.key as string));
        position = JSON.parse(JSON.stringify(page.position)) as Json;
        if (page.last) {
          expect((await collect(reading, plan, position)).at(-1)).toMatchObject({ rows: [], last: true });
          return keys;
        }
        break;
      }
      await reading.close();
      between?.(count);
    }
    throw new Error('it never ended');
  }

  it('by a kill goes on with the last STATE: nothing is missed, little comes again', async () => {
    put(contacts(450));
    const keys = await killedAtEveryPage({ stateEvery: 70 });
    expect(new Set(keys).size).toBe(450);
    expect(keys.length).toBeLessThan(800);
  });

  it('by a kill passes over what it had where the STATE comes only at the end', async () => {
    put(contacts(450));
    // The last comes twice: taps start with their bookmark, not after it.
    expect(await killedAtEveryPage({})).toEqual([...Array.from({ length: 450 }, (_, i) => `c${i}`), 'c449']);
  });

  it('takes no STATE for a place to go on from that the tap calls unfinished', async () => {
    put(contacts(250));
    expect(await killedAtEveryPage({ stateEvery: 70, unsorted: true })).toEqual([...Array.from({ length: 250 }, (_, i) => `c${i}`), 'c249']);
    expect(readings().slice(0, -1).every(({ state }) => state === null)).toBe(true);
  });

  it('hands everything over again where what it had is not the same any more', async () => {
    put(contacts(450));
    const keys = await killedAtEveryPage({}, (page) => { if (page === 2) put(contacts(449, 1)); });
    expect(new Set(keys).size).toBe(450);
    expect(keys.slice(200, 202)).toEqual(['c1', 'c2']);
  });

  it('leaves no tap behind: not after its time, not when it is closed, not when it is cancelled', async () => {
    put(contacts(5_000));
    const one = async (reading: Source, abort = new AbortController()): Promise<void> => {
      for await (const page of reading.pages(await reading.begin({ kind: 'full', state: null }, signal), null, abort.signal)) {
        expect(page.rows).toHaveLength(100);
        if (abort.signal === cancelled.signal) cancelled.abort();
        else break;
      }
    };
    const cancelled = new AbortController();
    await expect(one(source(), cancelled)).rejects.toThrow();
    const closed = source();
    await one(closed);
    expect(runs(readings()[1]!.pid!)).toBe(true);
    await closed.close();
    await one(source({}, {}, undefined, { parkedMs: 1 }));
    await expect.poll(() => readings().map(({ pid }) => runs(pid!))).toEqual([false, false, false]);
    await expect.poll(() => readdirSync(os.tmpdir()).filter((name) => name.startsWith('syncline-tap-') && name.includes(`-${process.pid}-`))).toEqual([]);
  });

  it('makes the tap wait while nobody takes a page', async () => {
    put(Array.from({ length: 20_000 }, (_, i) => ({ id: `c${i}`, email: 'x'.repeat(500), updated_at: time(i) })));
    let ended = 0;
    const reading = source({ version: true });
    for await (const page of reading.pages(await reading.begin({ kind: 'full', state: null }, signal), null, signal)) {
      if (ended++ === 0) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(runs(readings()[0]!.pid!)).toBe(true);
      }
      if (page.last) expect(ended).toBeGreaterThanOrEqual(200);
    }
  });
});

describe('overlap', () => {
  it('starts from the newest STATE of a run that ended that long before the last one began', async () => {
    put(contacts(10));
    let minute = 0;
    const reading = source({}, { overlap: 120_000 }, undefined, { now: () => Date.UTC(2025, 0, 1, 0, minute) });
    let state = null;
    for (minute = 0; minute < 6; minute++) {
      state = (await readRun(reading, state)).state;
      put(contacts(10 + (minute + 1) * 10));
    }
    const since = readings().map((run) => run.state?.since ?? null);
    // Until there is one, only the beginning is before all that may have been late.
    expect(since).toEqual([null, null, null, time(9), time(19), time(29)]);
  });

  it('starts from a STATE in the middle of the last run where no record before it is younger, also after a kill', async () => {
    put(contacts(300));
    const reading = source({ stateEvery: 50 }, { overlap: 120_000 });
    const whole = (await readRun(reading)).state;
    const plan = await reading.begin({ kind: 'incremental', state: null }, signal);
    let position: Json | null = null;
    for (let last = false; !last; ) {
      const killed = source({ stateEvery: 50 }, { overlap: 120_000 });
      for await (const page of killed.pages(plan, position, signal)) {
        position = JSON.parse(JSON.stringify(page.position)) as Json;
        last = page.last;
        break;
      }
      await killed.close();
    }
    const inPieces = await reading.finish(plan, null, whole.cursor, signal, position ?? undefined);
    for (const state of [whole, inPieces]) {
      const second = await readRun(reading, JSON.parse(JSON.stringify(state)) as typeof whole);
      // Two minutes before the last, and no more than a STATE further.
      expect(Number(second.keys[0]?.slice(1))).toBeLessThanOrEqual(299 - 120);
      expect(Number(second.keys[0]?.slice(1))).toBeGreaterThan(299 - 120 - 50);
      expect((state.notes as { states: unknown[] }).states.length).toBeLessThan(12);
    }
  });
});

describe('a tap that fails', () => {
  it('in the middle is said with code and masked words, what came before is kept, and it is tried again', async () => {
    put(contacts(250));
    const reading = source({ dieAfter: 150, stateEvery: 40, once: at('healed') });
    const plan = await reading.begin({ kind: 'full', state: null }, signal);
    const first = await untilFailure(reading, plan);
    expect(first.pages.flatMap((page) => page.rows)).toHaveLength(150);
    expect(first.error).toMatchObject({ kind: 'unreachable', message: 'source crm: tap node: it ended with code 3: ERROR cannot reach the CRM for [e-mail] with [value]' });
    writeFileSync(at('healed'), '');
    const second = await untilFailure(reading, plan, first.pages.at(-1)!.position);
    expect(second.error).toBeNull();
    expect(new Set([...first.pages, ...second.pages].flatMap((page) => page.rows.map((row) => row.key))).size).toBe(250);
  });

  it('with rubbish is said with how much and where, never what', async () => {
    put(contacts(20));
    const error = await failure(source({ rubbishAfter: 10 }));
    expect(error).toMatchObject({ kind: 'unreachable', message: 'source crm: tap node: 3 lines of its output are no Singer messages, the first is line 13' });
  });

  it('by hanging is ended with all it started', async () => {
    put(contacts(20));
    const error = await failure(source({ hangAfter: 10 }, { timeout: 1_000 }));
    expect(error).toMatchObject({ kind: 'unreachable', message: 'source crm: tap node: no line came for 1s, so it was ended' });
    await expect.poll(() => started().flatMap(({ child }) => (child === undefined ? [] : [runs(child)]))).toEqual([false]);
  });

  it('by losing a mapped property stops: it would be taken for cleared', async () => {
    put(contacts(20));
    const error = await failure(source({ loseEmailAfter: 10 }));
    expect(error).toMatchObject({ kind: 'misconfigured', message: 'source crm: tap node: the stream "contacts" has no property "email", "address.city"' });
    expect(error.hint).toContain('it has id, updated_at');
  });

  it('by new key properties gives new keys from there on', async () => {
    put(contacts(4));
    expect((await readRun(source({ newKeyAfter: 2 }))).keys).toEqual(['c0', 'c1', 'c2|2@x.co', 'c3|3@x.co']);
  });

  it.each<[string, Misdeeds, Partial<SingerSourceConfig>, string, string]>([
    ['no such stream', {}, { stream: 'people' }, 'source crm: tap node: it has no stream "people"', 'it has deals, contacts'],
    ['another stream only', { noDiscovery: true }, { stream: 'people' }, 'source crm: tap node: it wrote nothing of the stream "people"', 'contacts'],
    ['no key properties', { noSchema: true }, {}, 'source crm: tap node: the stream "contacts" names no key properties', 'set key'],
    ['no such program', {}, { command: ['tap-that-is-not-there'] }, 'source crm: tap tap-that-is-not-there: there is no such program', 'install the tap'],
    ['an unknown column', {}, { key: 'uuid' }, 'source crm: tap node: the stream "contacts" has no property "uuid"', 'it has id, email'],
  ])('%s is a mistake of the configuration', async (_name, misdeeds, more, message, hint) => {
    put(contacts(2));
    const error = await failure(source(misdeeds, more));
    expect(error).toMatchObject({ kind: 'misconfigured', message });
    expect(error.hint).toContain(hint);
  });
});
