import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CallStats } from '../src/sandbox/index.js';
import { withInstallation } from './installation.js';
import { command } from './processes.js';
import { fillCrm, writeConfig } from './setup.js';

const CALLS_A_SECOND = 5;
const ROWS_A_CALL = 100;

/**
 * Sends at a limit of 5 calls a second against a server that counts a sliding window, with both cores kept busy.
 * Prints how many calls were refused and how much of the allowed rate was used while rows waited.
 */
export async function benchPace(seconds: number): Promise<void> {
  const burners = Array.from({ length: availableParallelism() }, () => new Worker('for (;;) { Math.sqrt(Math.random()); }', { eval: true }));
  try {
    await withInstallation(async ({ directory, runtime, crm, url, baseUrl, faults }) => {
      await fillCrm(crm, CALLS_A_SECOND * seconds * ROWS_A_CALL);
      await faults({ limit: { calls: CALLS_A_SECOND, per: '1s', window: 'sliding', retryAfter: true } });
      writeConfig(directory, runtime.databaseUrl, baseUrl, `batchSize: ${ROWS_A_CALL}\n    limits: {calls: ${CALLS_A_SECOND}, per: 1s}`);
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
    });
  } finally {
    await Promise.all(burners.map((burner) => burner.terminate()));
  }
}
