import type { RunDocument } from '../../src/ledger/index.js';
import type { Rate } from '../platforms.js';
import { addContacts } from '../setup.js';
import { seconds } from '../duration.js';
import { byKills, Changes, delayWords, percentile } from './changes.js';
import { faultsAtTheEnd, largestHistory } from './checks.js';
import { FIRST, prepare, ROWS_A_CALL } from './prepare.js';
import { Kills } from './kills.js';
import { withPlace, type Place } from './place.js';

export interface OperateBench {
  /** Contacts the backfill sends. */
  readonly rows: number;
  readonly rate: Rate;
  readonly concurrency: number;
  /** Milliseconds between scheduled runs of the same sync. */
  readonly everyMs: number;
  readonly workers: number;
  /** Milliseconds between kills of a worker, one after the other. */
  readonly killEveryMs: number;
  /** Workers are told to stop instead, and Temporal is left alone. */
  readonly gently: boolean;
  /** Per cent of the contacts that are opted out: every run reads back those that changed lately before it sends. */
  readonly optedOut: number;
}

/** A backfill of which nothing has arrived for so long is stuck; how long it takes in all depends on the machine. Milliseconds. */
const STUCK_MS = 120_000;

/** What it is held to. */
const AIMS = { apartMs: 15_000, touchedMs: 30_000, workerMiB: 300, events: 3_000 } as const;

/**
 * A backfill with scheduled runs beside it on one lane, while workers are killed and Temporal is started again.
 * Prints what came of it. @returns whether all of it is well and every aim met
 */
export async function benchOperate(bench: OperateBench): Promise<boolean> {
  return withPlace(async (place) => {
    await prepare(place, bench);
    // Only a backfill meets them: they are older than what was read.
    await addContacts(place.crm, { first: FIRST + 1, last: FIRST + bench.rows, years: 2, optedOut: bench.optedOut });
    await place.crm.query('ANALYZE crm_contacts');
    return report(place, await play(place, bench));
  });
}

interface Played {
  readonly kills: Kills;
  readonly changes: Changes;
  /** Milliseconds the backfill took. */
  readonly ms: number;
  /** The longest time in which nothing of it arrived, milliseconds. */
  readonly stoodMs: number;
  readonly run: RunDocument;
}

async function play(place: Place, bench: OperateBench): Promise<Played> {
  const { asked, sandbox, until, workers } = place;
  const { rows, rate } = bench;
  const leastMs = (rows / ROWS_A_CALL / rate.calls) * rate.per;
  console.log(
    `${rows.toLocaleString('en')} contacts, ${ROWS_A_CALL} a call, ${rate.calls} calls in ${rate.per / 1_000} s: ${seconds(leastMs)} at least; ` +
      `a scheduled run every ${seconds(bench.everyMs)}; ${bench.workers} workers, one of them ${bench.gently ? 'stopped' : 'killed'} every ${seconds(bench.killEveryMs)}${bench.gently ? '' : '; Temporal started again once'}`,
  );
  await asked('schedule', 'apply', '--yes');
  const changes = new Changes(place, bench.everyMs, FIRST + rows);
  const began = performance.now();
  const { run } = await asked<RunDocument>('backfill', 'bench', '--yes', '--detach');
  changes.start();
  const kills = new Kills(place, bench.workers, bench.killEveryMs, bench.gently);
  kills.start();
  let told = performance.now();
  let grew = { at: began, held: 0 };
  let stoodMs = 0;
  await until('the backfill has ended', Number.POSITIVE_INFINITY, async () => {
    workers.look();
    const held = sandbox.mailingcore.size();
    if (held > grew.held) {
      stoodMs = Math.max(stoodMs, performance.now() - grew.at);
      grew = { at: performance.now(), held };
    }
    if (performance.now() - grew.at > STUCK_MS) throw new Error(`nothing of the backfill has arrived for ${seconds(STUCK_MS)}; ${held.toLocaleString('en')} contacts are there`);
    if (held >= FIRST + rows / 2) kills.restartTemporal();
    if (performance.now() - told > 30_000) {
      told = performance.now();
      console.log(`  after ${seconds(told - began)}: ${held.toLocaleString('en')} contacts there, ${kills.times.length} kills`);
    }
    // Asked only when all is there: the command costs CPU that is being measured.
    return held >= FIRST + rows && (await asked<RunDocument>('runs', 'show', run)).endedAt !== null;
  }, 250);
  const ms = performance.now() - began;
  await kills.end();
  await changes.end(120_000);
  await asked('schedule', 'pause', 'bench');
  await asked('run', 'bench');
  workers.look();
  return { kills, changes, ms, stoodMs, run: await asked<RunDocument>('runs', 'show', run) };
}

async function report(place: Place, { kills, changes, ms, stoodMs, run }: Played): Promise<boolean> {
  const { sandbox, workers, asked } = place;
  const faults = await faultsAtTheEnd(place);
  if (run.status !== 'completed') faults.unshift(`the backfill ended as ${run.status}`);
  const { runs } = await asked<{ runs: readonly RunDocument[] }>('runs', 'bench', '--limit', '1000');
  const { apart, touched } = byKills(changes.delays, kills.times);
  const { events, workflow } = await largestHistory(place);
  const { calls, bulkCalls, maxInWindow } = sandbox.mailingcore.stats();
  const unknown = [run, ...runs.filter((one) => one.run !== run.run)].reduce((sum, one) => sum + one.calls.unknownSettled, 0);
  if (kills.gently && unknown > 0) faults.push(`${unknown} calls were lost by workers that were told to stop`);
  console.log(
    `the backfill ${run.status} after ${seconds(ms)}: ${Math.round((run.counts.extracted / ms) * 1_000).toLocaleString('en')} contacts a second, ` +
      `${run.counts.delivered.toLocaleString('en')} delivered, ${run.counts.overtaken} overtaken, ${run.counts.unchanged} unchanged\n` +
      `${calls} calls, ${bulkCalls} of them bulk, at most ${maxInWindow} in a window; ${unknown} ended unknown and were settled; ${kills.times.length} ${kills.gently ? 'stops' : 'kills'}, the longest standstill ${seconds(stoodMs)}\n` +
      'from the moment a scheduled run was due until the platform held all of its changes, committed 1 s before:',
  );
  const held = [
    aim(`  apart from the kills  ${delayWords(apart)}`, percentile(apart, 0.95), AIMS.apartMs),
    aim(`  touched by one        ${delayWords(touched)}`, percentile(touched, 0.95), AIMS.touchedMs),
    aim(`workers' peak memory    ${workers.peakMiB} MiB; ${workers.cpuSeconds.toFixed(1)} s of CPU, all together`, workers.peakMiB, AIMS.workerMiB),
    aim(`largest history         ${events} events (${workflow})`, events, AIMS.events),
  ];
  for (const fault of faults) console.log(`✗ ${fault}`);
  if (faults.length === 0) console.log('✓ finished, balanced, nothing waits, the platform holds what the CRM does, no call was refused, no worker died by itself');
  return faults.length === 0 && held.every(Boolean);
}

/** Prints a line with whether a figure is below what it is aimed at. */
function aim(line: string, found: number | null, most: number): boolean {
  const held = found === null || found < most;
  console.log(`${line}${held ? '' : `  ABOVE THE AIM of ${most}`}`);
  return held;
}
