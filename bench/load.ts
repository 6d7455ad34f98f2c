import type { RunDocument } from '../src/ledger/index.js';
import type { Runtime } from '../src/runtime/index.js';
import { withInstallation, type Installation } from './installation.js';
import type { PlatformName } from './platforms.js';
import { cpuOfTree, cpuSeconds, parentOf, peakMemory } from './processes.js';
import { changeOnePercent, fillCrm, writeConfig } from './setup.js';

interface Sample {
  readonly what: string;
  readonly document: RunDocument;
  /** Wall time of the `run` process, ms. */
  readonly wholeMs: number;
  readonly runMs: number;
  readonly cpu: { readonly worker: number; readonly sandbox: number; readonly postgres: number };
}

function print(rows: number, latency: number, sample: Sample): void {
  const { counts } = sample.document;
  const rate = (ms: number): string => Math.round((counts.extracted / ms) * 1000).toLocaleString('en');
  const { worker, sandbox, postgres } = sample.cpu;
  console.log(
    [
      `${rows.toLocaleString('en').padStart(9)} rows`, `${latency} ms`.padStart(6), sample.what.padEnd(24),
      `extracted ${counts.extracted} delivered ${counts.delivered} calls ${sample.document.calls.total}`.padEnd(52),
      `run ${(sample.runMs / 1000).toFixed(2)} s = ${rate(sample.runMs)}/s`, `whole ${(sample.wholeMs / 1000).toFixed(2)} s = ${rate(sample.wholeMs)}/s`,
      `cpu worker ${worker.toFixed(1)} sandbox ${sandbox.toFixed(1)} postgres ${postgres.toFixed(1)} s`,
    ].join('  '),
  );
}

async function measure(what: string, start: Installation['start'], args: readonly string[], pids: { worker: number; sandbox: number; postgres: number }): Promise<Sample> {
  const read = (): Sample['cpu'] => ({ worker: cpuSeconds(pids.worker), sandbox: cpuSeconds(pids.sandbox), postgres: cpuOfTree(pids.postgres) });
  const before = read();
  const { stdout, code, ms } = await start(['run', 'bench', '--json', '--quiet', ...args]).ended;
  const after = read();
  if (code !== 0) throw new Error(`run ended with ${code}: ${stdout.slice(0, 2_000)}`);
  const document = JSON.parse(stdout) as RunDocument;
  const runMs = Date.parse(document.endedAt ?? '') - Date.parse(document.startedAt);
  return {
    what, document, wholeMs: ms, runMs,
    cpu: { worker: after.worker - before.worker, sandbox: after.sandbox - before.sandbox, postgres: after.postgres - before.postgres },
  };
}

async function eventsOf(runtime: Runtime): Promise<number> {
  let events = 0;
  for await (const workflow of runtime.client.workflow.list()) events += workflow.historyLength;
  return events;
}

/** Loads `rows` contacts into a sandbox that answers `latency` ms late, then runs again without and with changes. Prints as it goes. */
export async function benchLoad(platform: PlatformName, rows: number, latency: number, concurrency: number): Promise<void> {
  await withInstallation(platform, async ({ directory, runtime, crm, sandbox, baseUrl, faults, start }) => {
    await fillCrm(crm, rows);
    if (latency > 0) await faults({ latency });
    // Nothing but our own work and the platform's answers takes time.
    writeConfig(directory, runtime.databaseUrl, { platform, baseUrl, batchSize: 1_000, rate: { calls: 100_000, per: 1_000 }, concurrency });
    const dev = start(['dev']);
    await dev.line(/http:\/\/\S+/);
    const postmaster = await crm.query<{ pid: number }>(`SELECT pg_backend_pid() AS pid`);
    const pids = { worker: dev.pid, sandbox: sandbox.pid, postgres: parentOf(postmaster.rows[0]?.pid ?? 0) };

    const first = await measure('first load', start, [], pids);
    print(rows, latency, first);
    const peakFirst = peakMemory(dev.pid);
    print(rows, latency, await measure('again, no change', start, [], pids));
    await changeOnePercent(crm);
    print(rows, latency, await measure('again, 1 % changed', start, [], pids));
    print(rows, latency, await measure('full re-read, no change', start, ['--full'], pids));
    const events = await eventsOf(runtime);
    console.log(
      `${rows.toLocaleString('en').padStart(9)} rows  ${`${latency} ms`.padStart(6)}  worker's peak memory ${peakFirst} MiB after the first load, ${peakMemory(dev.pid)} MiB in the end;` +
        ` Temporal events ${events} (${Math.round((events / rows) * 1_000_000)} a million contacts); sandbox busy ${((first.cpu.sandbox / first.runMs) * 100_000).toFixed(0)} % of the first load`,
    );
  });
}
