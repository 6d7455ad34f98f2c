import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporalAnswers } from '../../src/cli/following/index.js';
import type { Session } from '../../src/cli/session.js';
import { parseConfig } from '../../src/config/index.js';
import { LiveConfig } from '../../src/control/index.js';
import { serve, type ServeOptions } from '../../src/hosting/index.js';
import { createPool, migrate, type Pool } from '../../src/ledger/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { openMetrics, type Metrics } from '../../src/telemetry/index.js';
import { createDatabase, suiteRuntime, type TestDatabase } from '../support/runtime.js';
import { smallConfig } from './config.js';

const ABOUT = { version: '1', taskQueue: 'q', namespace: 'n' };

let database: TestDatabase;
let pool: Pool;
let runtime: Runtime;
let silent: Server;
const sockets = new Set<Socket>();

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.url);
  pool = createPool(database.url, 4);
  // Connected before anybody counts the milliseconds.
  await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')]);
  runtime = await suiteRuntime(database.url);
  // Takes connections and says nothing: a server that hangs.
  silent = createServer((socket) => { sockets.add(socket.on('error', () => undefined)); });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  silent.close();
  await pool.end();
  await runtime.close();
  await database.drop();
});

const answering = (connection: Connection) => (): Promise<boolean> => temporalAnswers({ runtime: { connection, namespace: 'default' } } as unknown as Session);

interface Asked {
  readonly health: readonly [number, Record<string, unknown>];
  readonly ready: readonly [number, Record<string, unknown>];
}

/** What a worker in this state answers. */
async function asked(state: Partial<ServeOptions>): Promise<Asked> {
  const served = await serve({
    at: { port: 0, host: '127.0.0.1' }, pool, config: new LiveConfig(parseConfig(smallConfig(), { file: '/nowhere/syncline.yaml', shown: 'syncline.yaml', env: {} })),
    temporal: { client: runtime.client, taskQueue: runtime.taskQueue, attributes: false }, lives: () => true, temporalAnswers: answering(runtime.connection), ...state,
  });
  const read = async (path: string): Promise<readonly [number, Record<string, unknown>]> => {
    const answer = await fetch(`${served.url}${path}`);
    return [answer.status, (await answer.json()) as Record<string, unknown>];
  };
  try {
    const [health, ready] = await Promise.all([read('/healthz'), read('/readyz')]);
    return { health, ready };
  } finally {
    await served.close();
  }
}

test('a worker is ready when everything it needs is there, and says what is not; it lives as long as a restart would mend nothing', async () => {
  expect(await asked({})).toEqual({
    health: [200, { status: 'ok', worker: true, postgres: true, temporal: true }],
    ready: [200, { status: 'ready', reasons: [], worker: true, polling: true, stopping: false, postgres: true, ledger: true, temporal: true }],
  });
  const gone = createPool('postgres://127.0.0.1:1/nowhere', 1);
  expect(await asked({ pool: gone })).toMatchObject({
    health: [200, { status: 'degraded', postgres: false }], ready: [503, { status: 'unready', reasons: ['the ledger (Postgres) does not answer'], postgres: false, ledger: null }],
  });
  const away = Connection.lazy({ address: '127.0.0.1:1' });
  expect(await asked({ temporalAnswers: answering(away) })).toMatchObject({
    health: [200, { status: 'degraded', temporal: false }], ready: [503, { reasons: ['Temporal does not answer'], temporal: false }],
  });
  expect(await asked({ stopping: () => true })).toMatchObject({ health: [200, { status: 'stopping' }], ready: [503, { reasons: ['the worker is stopping'], stopping: true }] });
  expect(await asked({ polls: () => false })).toMatchObject({ health: [200, { status: 'ok' }], ready: [503, { reasons: ['the worker does not ask Temporal for work'], polling: false }] });
  expect(await asked({ lives: () => false })).toMatchObject({ health: [503, { status: 'unwell', worker: false }], ready: [503, { reasons: ['the worker has ended'], worker: false }] });
  await Promise.all([gone.end(), away.close()]);
});

test('a ledger that an older version left, or that is not there, is no ledger to work with', async () => {
  await pool.query("UPDATE migration SET name = 'another' WHERE name = '0009_totals'");
  expect(await asked({})).toMatchObject({ health: [200, { status: 'ok' }], ready: [503, { reasons: [expect.stringContaining('the ledger lacks 0009_totals')], postgres: true, ledger: false }] });
  await pool.query("UPDATE migration SET name = '0009_totals' WHERE name = 'another'");
  const empty = await createDatabase();
  const other = createPool(empty.url, 1);
  expect(await asked({ pool: other })).toMatchObject({ ready: [503, { reasons: [expect.stringContaining('the ledger lacks its tables')], postgres: true, ledger: false }] });
  await other.end();
  await empty.drop();
});

test('stores that hang keep nobody waiting: liveness, readiness and metrics are told, and the metrics say that the ledger is away', async () => {
  const hanging = createPool(`postgres://127.0.0.1:${String((silent.address() as AddressInfo).port)}/nowhere`, 4);
  const startedAt = performance.now();
  const told: string[] = [];
  const metrics = await openMetrics({ pool: hanging, about: ABOUT, warn: (line) => { told.push(line); }, withinMs: 500 });
  metrics.observer.called?.({ account: 'acme', destination: 'news', kind: 'send', batch: 1, rows: 2, outcome: 'answered', httpStatus: 200, runs: [], startedAt: 0, tookMs: 20 });
  const [both, text] = await Promise.all([asked({ pool: hanging, temporalAnswers: () => new Promise((resolve) => { setTimeout(resolve, 2_200, false); }) }), metrics.text()]);
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect(both).toMatchObject({ health: [200, { status: 'degraded', postgres: false, temporal: false }], ready: [503, { postgres: false, temporal: false }] });
  expect(text).toContain('syncline_ledger_up 0\n');
  expect(text).toContain('syncline_calls_total{account="acme",destination="news",kind="send",outcome="answered"} 1\n');
  expect(text).not.toMatch(/^syncline_lane_state\{/m);
  expect(told).toEqual([expect.stringContaining('the ledger could not be measured')]);
  metrics.close();
  for (const socket of sockets) socket.destroy();
  await hanging.end();
});

test('many who scrape at once, or soon after, have the ledger measured once; words that are no code are no label', async () => {
  await pool.query(
    `WITH a AS (INSERT INTO account (name) VALUES ('acme') RETURNING id), d AS (INSERT INTO destination (name, account_id) SELECT 'news', id FROM a RETURNING id),
       s AS (INSERT INTO sync (name, source, destination_id) SELECT 'one', 'crm', id FROM d RETURNING id, destination_id)
     INSERT INTO rejection (destination_id, sync_id, run_no, code, reason)
       SELECT destination_id, id, 1, CASE WHEN i < 40 THEN 'code_' || i WHEN i < 45 THEN 'zoe@example.com is blocked' ELSE 'refused' END, 'x' FROM s, generate_series(0, 49) i`);
  let measured = 0;
  const counting = new Proxy(pool, { get: (target, name) => (name === 'connect' ? () => { measured += 1; return target.connect(); } : Reflect.get(target, name) as unknown) });
  const metrics: Metrics = await openMetrics({ pool: counting, about: ABOUT, warn: () => undefined });
  const texts = await Promise.all(Array.from({ length: 10 }, () => metrics.text()));
  texts.push(await metrics.text());
  expect(measured).toBe(1);
  expect(new Set(texts.map((text) => /syncline_ledger_up \d/.exec(text)?.[0]))).toEqual(new Set(['syncline_ledger_up 1']));
  const failures = [...(texts[0] ?? '').matchAll(/^syncline_open_failures\{sync="one",code="(.*)"\} (\d+)$/gm)].map(([, code, count]) => [code, Number(count)] as const);
  expect(failures.reduce((sum, [, count]) => sum + count, 0)).toBe(50);
  expect(failures.length).toBeLessThanOrEqual(32);
  expect(texts[0]).not.toContain('zoe');
  metrics.close();
});
