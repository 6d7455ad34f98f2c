import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { LiveConfig, tidy } from '../../src/control/index.js';
import type { WorkerHost } from '../../src/hosting/index.js';
import { audit, forget } from '../../src/ledger/index.js';
import { createCliWorld, people, type CliWorld } from '../cli/world.js';

let world: CliWorld;
let host: WorkerHost;
beforeAll(async () => {
  world = await createCliWorld();
  host = await world.work();
});
afterAll(async () => { await world.close(); });

const live = (): LiveConfig => new LiveConfig(loadConfig({ cwd: world.folder, env: {} }));
const age = (days: number): Promise<unknown> => world.pool.query('UPDATE rejection SET at = clock_timestamp() - $1 * interval \'1 day\'', [days]);
const traces = async (text: string): Promise<number> =>
  (await world.pool.query<{ count: number }>(
    'SELECT count(*) AS count FROM (SELECT x::text AS t FROM rejection x UNION ALL SELECT r::text FROM batch_row r) y WHERE position($1 IN t) > 0', [text])).rows[0]?.count ?? 0;

test('the payload of a rejected row goes after its retention, open or resolved; the row stays rejected with its reason, and is read again instead', async () => {
  world.contacts(people(25).map((line, i) => (i === 6 ? line.replace('person7@example.com', 'person1@example.com') : line)));
  expect(await world.json('run', 'crm')).toMatchObject({ code: 3, document: { counts: { delivered: 24, rejected: 1 } } });
  const fields = async (): Promise<readonly unknown[]> => (await world.pool.query('SELECT key, fields IS NULL AS gone FROM rejection')).rows;
  await age(89);
  await tidy(world.pool, live());
  expect(await fields()).toEqual([{ key: '7', gone: false }]);
  await age(91);
  await tidy(world.pool, live());
  expect(await fields()).toEqual([{ key: '7', gone: true }]);
  const { rows } = await world.pool.query<{ key: string; fields: string }>('SELECT r.key, r.fields FROM batch_row r WHERE r.outcome = 2');
  expect(rows).toEqual([{ key: '7', fields: '{}' }]);

  // Delivered rows keep theirs, the books are as they were, the rejection is as open as before.
  expect(await traces('person2@example.com')).toBe(1);
  expect((await audit(world.pool, null)).balanced).toBe(true);
  expect((await world.cli('failures', 'crm')).out).toContain('1 of 1');
  const retried = await world.cli('failures', 'retry', 'crm');
  expect(retried).toMatchObject({ code: 0 });
  expect(retried.out).toContain('syncline run crm --only KEY --resend');
  world.contacts(people(25));
  expect(await world.json('run', 'crm', '--only', '7', '--resend')).toMatchObject({ code: 0, document: { counts: { delivered: 1 } } });
  expect((await audit(world.pool, null)).balanced).toBe(true);
});

test('how long is the configuration\'s; the sweep of a worker does it', async () => {
  world.contacts(people(25).map((line, i) => (i === 7 ? line.replace('person8@example.com', 'person1@example.com').replace('2025-01-01', '2025-01-03') : line)));
  await world.json('run', 'crm');
  appendFileSync(join(world.folder, 'syncline.yaml'), '\nretention: {rejected: 2d}\n');
  await age(3);
  await forget(world.pool, 'crm', 'nobody');
  await host.stop();
  await world.work();
  const endsAt = Date.now() + 10_000;
  const left = async (): Promise<number> =>
    (await world.pool.query<{ count: number }>('SELECT (SELECT count(*) FROM rejection WHERE fields IS NOT NULL) + (SELECT count(*) FROM tombstone WHERE plain IS NOT NULL) AS count')).rows[0]?.count ?? 0;
  while ((await left()) > 0 && Date.now() < endsAt) await new Promise((resolve) => { setTimeout(resolve, 50); });
  expect(await left()).toBe(0);
});
