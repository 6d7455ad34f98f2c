import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import type { SingerSourceConfig } from '../../../src/config/index.js';
import { createSource } from '../../../src/sources/index.js';
import type { Row, SourceRig, Trouble } from './rig.js';

const TAP = fileURLToPath(new URL('../../sources/fixtures/api-tap.mjs', import.meta.url));
const TOKEN = 'tap-token-hush';
/** Records a page of the API, and so from one STATE to the next. */
const PAGE = 500;

/** What a tap does in trouble: the API's own is the tap's to ride out. */
const MISDEEDS: Partial<Record<Trouble, object>> = {
  throttled: { misdeed: 'hangs', after: 3 },
  brokenJson: { misdeed: 'rubbish', after: 3 },
  cut: { misdeed: 'dies', after: 3 },
  reorderedPages: { unsorted: true },
  down: { misdeed: 'dies' },
  rubbish: { misdeed: 'rubbish' },
  refused: { misdeed: 'refused' },
};

/** A tap, a process of its own, over an API with keyset pages, oldest change first. */
export async function singer(): Promise<SourceRig> {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-contract-'));
  const catalog = join(folder, 'catalog.json');
  writeFileSync(catalog, JSON.stringify({ streams: [{ tap_stream_id: 'contacts', stream: 'contacts' }] }));
  const rows = new Map<string, Row>();
  let sorted: Row[] | null = null;
  let trouble: Trouble | null = null;
  let strikes = 0;
  let calls = 0;
  let before: unknown = null;

  const app = Fastify({ forceCloseConnections: true });
  app.get('/contacts', (request, reply) => {
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return reply.code(401).send({});
    const { since = '', cursor } = request.query as { since?: string; cursor?: string };
    calls += 1;
    // Within a reading: the page of another one would be no repetition but a wrong answer.
    if (trouble === 'repeatedPages' && calls % 3 === 0 && before !== null && cursor !== undefined) return before;
    sorted ??= [...rows.values()].sort((a, b) => (a.time < b.time || (a.time === b.time && a.key < b.key) ? -1 : 1));
    const found = since === '' ? sorted : sorted.filter(({ time }) => time >= since);
    const answer = (some: readonly Row[], next: string | null): unknown =>
      (before = { data: some.map(({ key, time, name }) => ({ id: key, name, updated_at: time })), next });
    if (trouble === 'reorderedPages') {
      const pages = Math.ceil(found.length / PAGE);
      const left = cursor === undefined ? pages - 1 : Number(cursor);
      return answer(found.slice(left * PAGE, (left + 1) * PAGE), left <= 0 ? null : String(left - 1));
    }
    const [time = '', key = ''] = cursor === undefined ? [] : cursor.split(' ');
    const start = cursor === undefined ? 0 : found.findIndex((row) => row.time > time || (row.time === time && row.key > key));
    const page = start === -1 ? [] : found.slice(start, start + PAGE);
    const last = page.at(-1);
    return answer(page, last === undefined || start + PAGE >= found.length ? null : `${last.time} ${last.key}`);
  });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const config = (): SingerSourceConfig => ({
    type: 'singer', name: 'crm', command: [process.execPath, TAP], directory: folder, catalog, stream: 'contacts', timeout: trouble === 'throttled' ? 1500 : 20_000,
    overlap: 120_000, pageSize: 500, fields: { firstName: 'name' },
    // A tap hangs once, for the time it takes to be noticed.
    config: { url: `${address}/contacts`, token: TOKEN, ...(trouble === null ? {} : MISDEEDS[trouble]), ...(trouble === 'throttled' ? { marker: join(folder, `struck-${strikes}`) } : {}) },
  });
  const put = (some: readonly Row[]): Promise<void> => {
    for (const row of some) rows.set(row.key, row);
    sorted = null;
    return Promise.resolve();
  };
  return {
    cases: ['late', 'changing', 'only', 'window', 'unchanged'],
    troubles: ['throttled', 'brokenJson', 'cut', 'repeatedPages', 'reorderedPages', 'refused', 'down', 'rubbish'],
    program: true,
    // Every page of it in a process of its own takes minutes.
    ties: process.env['SYNCLINE_LONG'] === '1' ? 25_000 : 4_000,
    source: () => createSource(config(), ['name']),
    config,
    plant: (all) => {
      rows.clear();
      before = null;
      return put(all);
    },
    put,
    remove: (keys) => {
      for (const key of keys) rows.delete(key);
      sorted = null;
      return Promise.resolve();
    },
    trouble: (next) => {
      trouble = next;
      strikes += 1;
    },
    secrets: [TOKEN],
    close: async () => {
      await app.close();
      rmSync(folder, { recursive: true });
    },
  };
}
