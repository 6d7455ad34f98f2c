import { afterAll, beforeAll, expect, test } from 'vitest';
import { pacedCalls, readBudget } from '../../src/lanes/index.js';
import { callAnswered, createPool, ensureSync, migrate, reserveCall, type Pool } from '../../src/ledger/index.js';
import { createDatabase, type TestDatabase } from '../support/runtime.js';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.url);
  pool = createPool(database.url, 4);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

/** A fresh account. */
async function account(name: string): Promise<number> {
  return (await ensureSync(pool, { sync: name, source: 'crm', destination: name, account: name, configHash: 'x', configured: [name] })).accountId;
}

async function slots(accountId: number, bucket: string): Promise<readonly { answered: boolean; used: boolean }[]> {
  const { rows } = await pool.query<{ answered: boolean; used: boolean }>(
    `SELECT answered_at IS NOT NULL AS answered, started_at > '-infinity' AS used FROM pace_slot WHERE account_id = $1 AND bucket = $2 ORDER BY call`, [accountId, bucket]);
  return rows;
}

test('reads come from a budget of their own where the platform counts them apart, else from the one of the sends', async () => {
  const apart = await account('apart');
  const limits = { calls: 10, per: 1_000, concurrency: 2 };
  expect(await pacedCalls(pool, apart, { ...limits, read: { calls: 5, per: 1_000 } }, 1_000)(() => Promise.resolve('read'))).toBe('read');
  expect([await slots(apart, 'read'), await slots(apart, 'main')]).toEqual([[{ answered: true, used: true }], []]);
  const shared = await account('shared');
  await pacedCalls(pool, shared, limits, 1_000)(() => Promise.resolve());
  expect(await slots(shared, 'main')).toEqual([{ answered: true, used: true }]);
});

test('a call that fails counts as answered, and has its deadline', async () => {
  const id = await account('failing');
  const paced = pacedCalls(pool, id, { calls: 10, per: 1_000, concurrency: 2 }, 30);
  await expect(paced((signal) => new Promise((_, reject) => {
    signal.addEventListener('abort', () => { reject(signal.reason as Error); });
  }))).rejects.toThrow(/within 30 ms/);
  expect(await slots(id, 'main')).toEqual([{ answered: true, used: true }]);
});

test('an abort ends the wait for a turn and makes no call, and the next one still waits for its window', async () => {
  const id = await account('aborted');
  const limits = { calls: 1, per: 4_000, concurrency: 2 };
  const budget = { accountId: id, bucket: 'main' as const, calls: 1, per: 4_000, credit: 1 };
  await pacedCalls(pool, id, limits, 1_000)(() => Promise.resolve());
  const abort = new AbortController();
  let called = false;
  const waiting = pacedCalls(pool, id, limits, 1_000, abort.signal)(() => {
    called = true;
    return Promise.resolve();
  });
  setTimeout(() => { abort.abort(new Error('cancelled')); }, 30);
  await expect(waiting).rejects.toThrow('cancelled');
  expect(called).toBe(false);
  expect((await reserveCall(pool, budget, 60_000)).waitMs).toBeGreaterThan(2_000);
});

test('where calls go one at a time, a read waits for its turn without holding it: a send finds its place in between', async () => {
  const id = await account('alone');
  const limits = { calls: 1, per: 60_000, concurrency: 1, read: { calls: 2, per: 1_000 } };
  const paced = pacedCalls(pool, id, limits, 1_000);
  const send = { ...readBudget(id, { calls: 1, per: 60_000, concurrency: 1 }, 1_000) };
  await paced(async () => {
    expect((await reserveCall(pool, send, 0)).call).toBeNull();
  });
  const second = paced(() => Promise.resolve('read'));
  const reserved = await reserveCall(pool, send, 0);
  expect(reserved.call).toBe(0);
  await callAnswered(pool, id, 'main', 0);
  expect(await second).toBe('read');
});
