import { setTimeout as sleep } from 'node:timers/promises';
import { seconds } from '../duration.js';
import type { Rate } from '../platforms.js';
import { Changes, delayWords } from './changes.js';
import { faultsAtTheEnd, scheduledStarts } from './checks.js';
import { withPlace, type Place } from './place.js';
import { FIRST, prepare } from './prepare.js';
import type { Server } from './servers.js';

export interface OutageBench {
  readonly rate: Rate;
  readonly concurrency: number;
  /** Milliseconds between scheduled runs. */
  readonly everyMs: number;
  readonly workers: number;
  /** Milliseconds Temporal is away, then the ledger's Postgres. */
  readonly temporalMs: number;
  readonly postgresMs: number;
}

/** After a server is back everything that waited for it is done within so long, beyond one interval. Milliseconds. */
const RECOVERY_MS = 60_000;

/** Takes Temporal away from scheduled runs, then the ledger. Prints what came of it. @returns whether all was well afterwards by itself */
export async function benchOutage(bench: OutageBench): Promise<boolean> {
  return withPlace(async (place) => {
    await prepare(place, bench);
    console.log(
      `scheduled runs every ${seconds(bench.everyMs)}, ${bench.workers} workers; Temporal away for ${seconds(bench.temporalMs)}, then the ledger's Postgres for ${seconds(bench.postgresMs)}`,
    );
    await place.asked('schedule', 'apply', '--yes');
    const changes = new Changes(place, bench.everyMs, FIRST);
    changes.start();
    await nextArrival(changes, place, bench);
    const faults: string[] = [];
    for (const [name, server, ms] of [['Temporal', place.servers.temporal, bench.temporalMs], ['Postgres', place.servers.ledger, bench.postgresMs]] as const) {
      faults.push(...(await outage(place, bench, changes, { name, server, ms })));
    }
    await changes.end(bench.everyMs + RECOVERY_MS);
    // Before anything is asked for by hand: whatever is open now has to end by itself.
    await place.asked('schedule', 'pause', 'bench');
    await everyRunEnded(place);
    const unwell = await place.ledger<{ id: string; status: string }>(`SELECT id, status FROM run WHERE status <> 'completed'`);
    faults.push(...unwell.map(({ id, status }) => `run ${id} ended as ${status}`), ...(await faultsAtTheEnd(place)));
    for (const fault of faults) console.log(`✗ ${fault}`);
    if (faults.length === 0) console.log('✓ every run ended well, all are in the books and balanced, nothing waits, the platform holds what the CRM does, no worker died');
    return faults.length === 0;
  });
}

/** Stops a server for a while and waits until what was due meanwhile has arrived, and more. @returns what is wrong, in words */
async function outage(place: Place, bench: OutageBench, changes: Changes, { name, server, ms }: { readonly name: string; readonly server: Server; readonly ms: number }): Promise<string[]> {
  // A run that were open would be, until its end is known, the reason to skip those that are due.
  await everyRunEnded(place);
  const downAt = Date.now();
  await server.stop();
  await sleep(Math.max(0, downAt + ms - Date.now()), undefined, { signal: place.signal });
  await server.start();
  const upAt = Date.now();
  await place.until(`what changed while ${name} was away has arrived`, bench.everyMs + RECOVERY_MS, () => !changes.awaits(upAt));
  const recoveredMs = Date.now() - upAt;
  await nextArrival(changes, place, bench);
  const missed = Math.floor(upAt / bench.everyMs) - Math.floor(downAt / bench.everyMs);
  const made = (await scheduledStarts(place)).filter((at) => at > downAt && at <= upAt).length;
  const late = changes.delays.filter(({ dueAt, ms: took }) => dueAt <= upAt && dueAt + took > downAt);
  console.log(`${name}: away for ${seconds(upAt - downAt)}, ${missed} runs were due meanwhile, ${made} of them started; all had arrived ${seconds(recoveredMs)} after it was back; changes of that time took ${delayWords(late)}`);
  return made > 1 ? [`${made} of the ${missed} runs that were due while ${name} was away were made up for, not one`] : [];
}

/** Waits until the changes of one more scheduled run have arrived. */
async function nextArrival(changes: Changes, place: Place, { everyMs }: OutageBench): Promise<void> {
  const before = changes.delays.length;
  await place.until('a scheduled run delivers', 2 * everyMs + RECOVERY_MS, () => changes.delays.length > before);
}

/** Waits until no run is open. */
async function everyRunEnded({ ledger, until }: Place): Promise<void> {
  await until('every run has ended', RECOVERY_MS, async () => (await ledger('SELECT FROM run WHERE ended_at IS NULL')).length === 0);
}
