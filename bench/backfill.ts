import type pg from 'pg';
import type { RunDocument } from '../src/ledger/index.js';
import { withInstallation, type Installation } from './installation.js';
import { PLATFORMS, type PlatformName, type Rate } from './platforms.js';
import { fillCrm, writeConfig } from './setup.js';

export interface BackfillBench {
  readonly platform: PlatformName;
  readonly rate: Rate;
  readonly concurrency: number;
  /** Contacts the backfill sends again. */
  readonly rows: number;
  /** Incremental runs of one contact each, without the backfill and beside it. */
  readonly runs: number;
}

/** Milliseconds of one run: from the change in the CRM until the run has ended; and the run alone. */
interface Delay {
  readonly whole: number;
  readonly run: number;
}

/** What a backfill costs the incremental runs beside it, at the account's limit. Prints both. */
export async function benchBackfill({ platform, rate, concurrency, rows, runs }: BackfillBench): Promise<void> {
  const { rowsACall, strict, latency } = PLATFORMS[platform];
  await withInstallation(platform, async ({ directory, runtime, crm, baseUrl, faults, start }) => {
    const config = (limit: Rate): void => { writeConfig(directory, runtime.databaseUrl, { platform, baseUrl, batchSize: rowsACall, rate: limit, concurrency }); };
    await fillCrm(crm, rows);
    // The opt-outs a run reads back before it sends would be most of what is measured, with and without.
    await crm.query('UPDATE crm_contacts SET opt_in = true');
    config({ calls: 100_000, per: 1_000 });
    await start(['dev']).line(/http:\/\/\S+/);
    await asked(start, ['run', 'bench']);
    // Not dated anew: only a backfill meets them.
    await crm.query(`UPDATE crm_contacts SET city = 'Again'`);
    await faults(strict(rate, latency));
    config(rate);
    await asked(start, ['run', 'bench']);
    console.log(`${platform}: ${rate.calls} calls in ${rate.per / 1_000} s, ${rowsACall} contacts a call; ${runs} incremental runs of one contact each`);
    print('without a backfill', await measure(start, crm, runs));
    const { run } = await asked(start, ['backfill', 'bench', '--yes', '--detach']);
    for (;;) if ((await asked(start, ['runs', 'show', run])).counts.delivered > 0) break;
    const beside = await measure(start, crm, runs);
    const { status, counts, extracting } = await asked(start, ['runs', 'show', run]);
    print(`beside a backfill (${counts.delivered.toLocaleString('en')} of ${rows.toLocaleString('en')} sent, ${counts.waiting.toLocaleString('en')} waiting, ${extracting ? 'reading' : status})`, beside);
    if (!extracting) console.log('the backfill had read everything before the last run: ask for more --rows');
    else await asked(start, ['backfill', 'cancel', run]);
  });
}

async function asked(start: Installation['start'], args: readonly string[]): Promise<RunDocument> {
  const { code, stdout } = await start([...args, '--json', '--quiet']).ended;
  if (code !== 0) throw new Error(`syncline ${args.join(' ')} ended with ${code}: ${stdout.slice(0, 2_000)}`);
  return JSON.parse(stdout) as RunDocument;
}

async function measure(start: Installation['start'], crm: pg.Client, runs: number): Promise<readonly Delay[]> {
  const delays: Delay[] = [];
  for (let i = 1; i <= runs; i += 1) {
    const began = performance.now();
    await crm.query(`UPDATE crm_contacts SET city = $2, updated_at = clock_timestamp() WHERE external_id = $1`, [`c${i}`, `Moved ${began}`]);
    const { counts, startedAt, endedAt } = await asked(start, ['run', 'bench']);
    if (counts.delivered < 1) throw new Error('an incremental run delivered nothing');
    delays.push({ whole: performance.now() - began, run: Date.parse(endedAt ?? '') - Date.parse(startedAt) });
  }
  return delays;
}

function print(what: string, delays: readonly Delay[]): void {
  const of = (name: keyof Delay): string => {
    const sorted = delays.map((delay) => delay[name]).sort((a, b) => a - b);
    const at = (share: number): string => ((sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0) / 1_000).toFixed(2);
    return `p50 ${at(0.5)} s, p95 ${at(0.95)} s, worst ${at(1)} s`;
  };
  console.log(`${what}\n  the run                      ${of('run')}\n  with the command around it   ${of('whole')}`);
}
