import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import type { CallStats } from '../src/sandbox/index.js';
import { openRuntime } from '../src/runtime/index.js';
import { command, type Command } from './processes.js';
import { fillCrm, writeConfig } from './setup.js';

const CALLS_A_SECOND = 5;
const ROWS_A_CALL = 100;

/**
 * Sends at a limit of 5 calls a second against a server that counts a sliding window, with both cores kept busy.
 * Prints how many calls were refused and how much of the allowed rate was used while rows waited.
 */
export async function benchPace(seconds: number): Promise<void> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'syncline-bench-'));
  const started: Command[] = [];
  const burners = Array.from({ length: os.availableParallelism() }, () => new Worker('for (;;) { Math.sqrt(Math.random()); }', { eval: true }));
  const runtime = await openRuntime({
    directory, database: null, temporal: { address: null, namespace: 'default', taskQueue: 'syncline' }, report: () => undefined,
    env: { ...process.env, TEMPORAL_ADDRESS: '' },
  });
  const crm = new pg.Client({ connectionString: runtime.databaseUrl });
  try {
    await crm.connect();
    const calls = CALLS_A_SECOND * seconds;
    await fillCrm(crm, calls * ROWS_A_CALL);
    const sandbox = command(['sandbox', '--port', '0', '--json'], directory);
    started.push(sandbox);
    const { platforms, url } = JSON.parse(await sandbox.line(/^\{.*\}$/m)) as { url: string; platforms: { mailingcore: { baseUrl: string } } };
    await fetch(`${url}/_control/faults`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ limit: { calls: CALLS_A_SECOND, per: '1s', window: 'sliding', retryAfter: true } }),
    });
    writeConfig(directory, runtime.databaseUrl, platforms.mailingcore.baseUrl, `batchSize: ${ROWS_A_CALL}\n    limits: {calls: ${CALLS_A_SECOND}, per: 1s}`);
    const { code, stdout } = await command(['run', 'bench', '--json', '--quiet'], directory).ended;
    const stats = (await (await fetch(`${url}/_control/stats`)).json()) as CallStats;
    const times = stats.log.filter((call) => call.status === 200 && call.rows > 0).map((call) => call.at);
    const span = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
    const rate = (times.length - 1) / span;
    console.log(
      `allowed ${CALLS_A_SECOND} calls/s, sliding window; run ended with ${code}; answers by status ${JSON.stringify(stats.byStatus)}; ` +
        `${times.length} calls in ${span.toFixed(1)} s = ${rate.toFixed(3)}/s = ${((rate / CALLS_A_SECOND) * 100).toFixed(1)} % of the allowed rate`,
    );
    if (code !== 0) console.log(stdout.slice(0, 2_000));
  } finally {
    for (const one of started) one.child.kill('SIGINT');
    await Promise.all(started.map((one) => one.ended));
    await Promise.all(burners.map((burner) => burner.terminate()));
    await crm.end();
    await runtime.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
