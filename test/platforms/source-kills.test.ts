// Every source under SIGKILL: whichever page the reading process is killed at, nothing is missed. With SYNCLINE_LONG=1
// each is killed ten times, else twice.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { microTime } from '../../src/contacts/index.js';
import { audit, booksOf, ensureSync } from '../../src/ledger/index.js';
import { SOURCE_NAMES } from '../../src/sources/index.js';
import { SOURCE_RIGS, type Row } from '../contract/source-rigs/index.js';
import { createTestLedger, type TestLedger } from '../ledger/support.js';
import { Readers } from './reader-process.js';
import { readThroughKills } from './source-kills.js';

const LONG = process.env['SYNCLINE_LONG'] === '1';
const KILLS = LONG ? 10 : 2;
const ROWS = LONG ? 9_000 : 1_800;
/** The least a platform's page may hold. */
const PAGE = 200;
/** Milliseconds. */
const HOUR = 3_600_000;
/** Rows of one time, more than a page holds; and from one time to the next, far more than any overlap. */
const TIED = 300;
const STEP = HOUR / 3;

/** One way of paging is enough for the short form; the contract suite reads all of them in pieces. */
const TYPES = Object.entries(SOURCE_RIGS).filter(([type]) => LONG || SOURCE_NAMES.includes(type as (typeof SOURCE_NAMES)[number]));

let ledger: TestLedger;
const readers = new Readers();
beforeAll(async () => { ledger = await createTestLedger(); });
afterAll(async () => {
  await readers.close();
  await ledger.close();
});

/** The same every time for the same seed, so that a failure can be had again. */
function seeded(seed: number): () => number {
  let at = seed;
  return () => {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0;
    return at / 2 ** 32;
  };
}

it('every registered source is under it', () => {
  expect(SOURCE_NAMES.filter((type) => SOURCE_RIGS[type] === undefined)).toEqual([]);
});

describe(`a reading process that is killed ${KILLS} times at any page`, () => {
  it.concurrent.each(TYPES)('leaves every record staged, in its newest version, and none twice without a change: %s', async (type, create) => {
    const rig = await create();
    try {
      const ids = await ensureSync(ledger.pool, { sync: type, source: type, destination: type, account: type, configHash: 'x', configured: TYPES.map(([name]) => name) });
      const start = Date.now() - HOUR - (ROWS / TIED) * STEP;
      const shown = new Map<string, Row>();
      const put = async (rows: readonly Row[], write: (rows: readonly Row[]) => Promise<void>): Promise<void> => {
        for (const row of rows) shown.set(row.key, row);
        await write(rows);
      };
      await put(Array.from({ length: ROWS }, (_, i) => ({ key: `k${i}`, time: microTime(start + Math.floor(i / TIED) * STEP), name: `name ${i}` })), rig.plant);
      const missing = async (but: ReadonlySet<string>): Promise<string[]> => {
        const { rows } = await ledger.pool.query<{ key: string; name: string }>(`SELECT key, fields::json ->> 'name' AS name FROM outbox WHERE destination_id = $1`, [ids.destinationId]);
        const names = new Map(rows.map(({ key, name }) => [key, name]));
        return [...shown.values()].filter(({ key, name }) => !but.has(key) && names.get(key) !== name).map(({ key }) => key);
      };
      const changed = new Set<string>();
      const hits = await readThroughKills({
        readers, pool: ledger.pool, databaseUrl: ledger.url, ids, config: { ...rig.config(), pageSize: PAGE }, kills: KILLS, random: seeded(type.length * 7919 + KILLS),
        killed: async (kill) => {
          if (!rig.cases.includes('changing')) return;
          const rows = [kill, ROWS - 1 - kill, ROWS / 2 + kill].map((i) => ({ key: `k${i}`, time: microTime(Date.now()), name: `changed ${kill}` }));
          for (const { key } of rows) changed.add(key);
          await put(rows, rig.put);
        },
        // Before the second run, whose overlap might make up for something.
        ended: async () => { expect(await missing(changed)).toEqual([]); },
      });
      expect(hits.answer + hits.read + hits.staging).toBe(KILLS);
      expect(await missing(new Set())).toEqual([]);

      const { rows: runs } = await ledger.pool.query<{ no: number; id: string }>('SELECT no, id FROM run WHERE sync_id = $1', [ids.syncId]);
      expect(runs).toHaveLength(2);
      for (const { id } of runs) expect(await audit(ledger.pool, id)).toMatchObject({ balanced: true });
      const books = [...(await booksOf(ledger.pool, runs.map(({ no }) => no))).values()];
      const sum = (of: 'queued' | 'overtaken' | 'invalid' | 'filtered'): number => books.reduce((all, counts) => all + counts[of], 0);
      expect([sum('invalid'), sum('filtered')]).toEqual([0, 0]);
      expect(sum('queued') - sum('overtaken')).toBe(shown.size);
      expect(sum('overtaken')).toBeLessThanOrEqual(changed.size);
    } finally {
      await rig.close();
    }
  }, LONG ? 900_000 : 120_000);
});
