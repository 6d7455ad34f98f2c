import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Call, CallStats } from '../src/sandbox/index.js';
import { withInstallation } from './installation.js';
import { PLATFORMS, type PlatformName, type Rate } from './platforms.js';
import { fillCrm, writeConfig } from './setup.js';

export interface Pace {
  readonly platform: PlatformName;
  readonly rate: Rate;
  /** Bulk calls there are rows for, at least. */
  readonly calls: number;
  readonly concurrency: number;
  /** Milliseconds. */
  readonly latency: number;
  /** Keeps every core busy meanwhile. */
  readonly busy: boolean;
}

/**
 * Sends at a platform's limit against a server that enforces it. Prints how many calls were refused and how much of
 * the allowed rate was used while rows waited: between the first bulk call and the last, logins and polls included
 * where the platform counts them.
 */
export async function benchPace(pace: Pace): Promise<void> {
  const { platform, rate, calls, concurrency, latency } = pace;
  const { rowsACall, strict } = PLATFORMS[platform];
  const burners = pace.busy ? Array.from({ length: availableParallelism() }, () => new Worker('for (;;) { Math.sqrt(Math.random()); }', { eval: true })) : [];
  try {
    await withInstallation(platform, async ({ directory, runtime, crm, url, baseUrl, faults, start }) => {
      await fillCrm(crm, calls * rowsACall);
      await faults(strict(rate, latency));
      writeConfig(directory, runtime.databaseUrl, { platform, baseUrl, batchSize: rowsACall, rate, concurrency });
      const { code, stdout } = await start(['run', 'bench', '--json', '--quiet']).ended;
      if (code === 130) throw new Error('interrupted');
      const stats = (await (await fetch(`${url}/_control/stats?platform=${platform}&window=${rate.per}`)).json()) as CallStats;
      report(pace, code, stats);
      if (code !== 0) console.log(stdout.slice(0, 2_000));
    });
  } finally {
    await Promise.all(burners.map((burner) => burner.terminate()));
  }
}

function report({ platform, rate: { calls, per }, latency }: Pace, code: number | null, stats: CallStats): void {
  const { bulk, countsAll } = PLATFORMS[platform];
  const isBulk = (call: Call): boolean => call.method === 'POST' && call.route === bulk;
  const sends = stats.log.filter(isBulk);
  const first = sends[0]?.at ?? 0;
  const last = sends.at(-1)?.at ?? 0;
  const counted = stats.log.filter((call) => call.status !== 429 && call.at >= first && call.at <= last && (countsAll || isBulk(call)));
  const span = (last - first) / 1_000;
  const allowed = calls / (per / 1_000);
  const achieved = (counted.length - 1) / span;
  const refused = stats.refused === 0 ? 'none refused' : `${stats.refused} REFUSED`;
  console.log(
    `${platform}: allowed ${calls} calls in ${per / 1_000} s = ${allowed.toFixed(3)}/s${countsAll ? ', every call counted' : ', bulk calls'}; answers ${latency} ms late\n` +
      `achieved ${counted.length} calls in ${span.toFixed(1)} s = ${achieved.toFixed(3)}/s; ratio ${((achieved / allowed) * 100).toFixed(1)} %\n` +
      `${refused}; most in a window ${countsAll ? stats.maxInWindow : '–'}, most bulk calls open at once ${stats.maxOpen}, least gap between two ${stats.minGapMs?.toFixed(0) ?? '–'} ms\n` +
      `${sends.length} bulk calls of ${rowsOf(sends)} rows; answers by status ${JSON.stringify(stats.byStatus)}; run ended with ${code}`,
  );
  if (!countsAll) console.log(lateness(sends, per / calls));
}

/** Rows of the calls: all but the last should be full. */
function rowsOf(sends: readonly Call[]): string {
  const counts = new Map<number, number>();
  for (const { rows } of sends) counts.set(rows, (counts.get(rows) ?? 0) + 1);
  return [...counts].map(([rows, times]) => (counts.size === 1 ? String(rows) : `${times} × ${rows}`)).join(', ');
}

/** How long after the earliest possible moment each call arrived, by the server's clock. */
function lateness(sends: readonly Call[], gapMs: number): string {
  const late = sends.slice(1).map((call, i) => call.at - (sends[i]?.at ?? 0) - gapMs);
  const sorted = [...late].sort((a, b) => a - b);
  const each = late.length <= 20 ? `each ${late.map((ms) => ms.toFixed(0)).join(', ')} ms` : `median ${sorted[sorted.length >> 1]?.toFixed(0)} ms`;
  return `after the gap of ${gapMs / 1_000} s the next call came later by: ${each}, least ${sorted[0]?.toFixed(0) ?? '–'}, most ${sorted.at(-1)?.toFixed(0) ?? '–'} ms`;
}
