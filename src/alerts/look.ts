import { cronAgo, formatDurationExact, type AlertEvent, type AlertsConfig, type Config } from '../config/index.js';
import { definitionOf, findSchedule, type FoundSchedule, type Orchestrator, type ScheduleDefinition } from '../control/index.js';
import { maskPersonal } from '../http/index.js';
import { failedGates, haltedLanes, lastEnded, lateOptOuts, sinceLastSuccess, type Pool, type Trouble } from '../ledger/index.js';

/** What was found wrong, and what was looked at: of anything else nothing is known just now. */
export interface Looked {
  readonly troubles: readonly Trouble[];
  readonly events: readonly AlertEvent[];
}

const number = (count: number): string => count.toLocaleString('en-US');

/** Looks at the ledger, and at the Schedules where Temporal answers, for what somebody should be told of. */
export async function look(pool: Pool, temporal: Orchestrator, config: Config, alerts: AlertsConfig): Promise<Looked> {
  const syncs = Object.keys(config.syncs);
  const ledger = await Promise.all([lanes(pool, config), runs(pool, syncs, alerts), gates(pool, syncs), optOuts(pool, alerts)]);
  const found: Trouble[] = ledger.flat();
  const events: AlertEvent[] = ['laneBlocked', 'lanePaused', 'runFailed', 'runHeld', 'gateFailed', 'rejects', 'optOutWaits'];
  try {
    found.push(...(await schedules(pool, temporal, config, alerts)));
    events.push('runLate', 'schedulePaused');
  } catch {
    // Temporal does not answer: what it knows is looked at next time.
  }
  return { troubles: found, events };
}

async function lanes(pool: Pool, { destinations }: Config): Promise<Trouble[]> {
  const ours = new Set(Object.values(destinations).map(({ account }) => account));
  return (await haltedLanes(pool)).filter(({ account }) => ours.has(account)).map(({ account, state, reason, until, command }) => ({
    event: state === 'blocked' ? 'laneBlocked' : 'lanePaused', subject: account,
    reason: `${maskPersonal(reason)}${until === null ? '' : `, until ${until}`}`, command,
  }));
}

async function runs(pool: Pool, syncs: readonly string[], { rejects }: AlertsConfig): Promise<Trouble[]> {
  const found: Trouble[] = [];
  for (const { sync, run, kind, failed, held, error, extracted, refused } of await lastEnded(pool, syncs)) {
    // A backfill that failed is not made good by the runs beside it.
    const subject = kind === 'backfill' || kind === 'retry' ? `${sync} (${kind})` : sync;
    if (failed) found.push({ event: held ? 'runHeld' : 'runFailed', subject, reason: `${kind} run ${run}: ${maskPersonal(error ?? 'no reason was given')}`, command: held ? `syncline plan ${sync}` : `syncline runs show ${run}` });
    if (refused >= rejects.least && refused > extracted * rejects.above) {
      found.push({ event: 'rejects', subject, reason: `${number(refused)} of ${number(extracted)} rows of run ${run} were invalid or rejected`, command: `syncline failures ${sync}` });
    }
  }
  return found;
}

async function gates(pool: Pool, syncs: readonly string[]): Promise<Trouble[]> {
  return (await failedGates(pool, syncs)).map(({ sync, at, differing }) => ({
    event: 'gateFailed', subject: sync, reason: `the verification of ${at} found ${number(differing)} contacts missing or unexpected`, command: `syncline verify ${sync}`,
  }));
}

async function optOuts(pool: Pool, { optOuts: { older } }: AlertsConfig): Promise<Trouble[]> {
  return (await lateOptOuts(pool, older)).map(({ destination, seconds }) => ({
    event: 'optOutWaits', subject: destination, reason: `the oldest opt-out has waited for ${formatDurationExact(Math.floor(seconds / 60) * 60_000)}`, command: 'syncline status',
  }));
}

/** @throws what Temporal's client throws */
async function schedules(pool: Pool, temporal: Orchestrator, config: Config, { late }: AlertsConfig): Promise<Trouble[]> {
  const found: Trouble[] = [];
  for (const sync of Object.keys(config.syncs)) {
    const definition = definitionOf(config, sync);
    if (definition === undefined) continue;
    const schedule = await findSchedule(temporal, sync);
    const note = schedule?.description.state.note ?? '';
    if (schedule?.description.state.paused === true) {
      // Whoever paused it by hand knows.
      if (note.startsWith('paused after')) found.push({ event: 'schedulePaused', subject: sync, reason: maskPersonal(note), command: `syncline schedule resume ${sync}` });
      continue;
    }
    const idleMs = idleFor(schedule, await sinceLastSuccess(pool, sync));
    const allowedMs = lateAfter(definition, late, Date.now());
    if (idleMs === null || allowedMs === null || idleMs <= allowedMs) continue;
    const minutes = Math.floor(idleMs / 60_000);
    found.push({
      event: 'runLate', subject: sync,
      reason: `${minutes < 1 ? `${String(Math.floor(idleMs / 1000))} s` : formatDurationExact(minutes * 60_000)} without a run that began and did not fail${schedule === undefined ? ', and Temporal has no Schedule of it' : ''}`,
      command: schedule === undefined ? `syncline schedule apply ${sync}` : 'syncline schedule list',
    });
  }
  return found;
}

/** A start has so long to become a run. Milliseconds. */
const BEGINS_MS = 30_000;

/** Milliseconds without a run after which so many starts are known to have been missed; null: there were not so many. */
function lateAfter({ schedule, jitter }: ScheduleDefinition, starts: number, now: number): number | null {
  const slack = jitter + BEGINS_MS;
  if ('every' in schedule) return starts * schedule.every + slack;
  const since = cronAgo(schedule.cron, schedule.timeZone ?? 'UTC', now - slack, starts);
  return since === null ? null : since + slack;
}

/** Milliseconds in which a run should have come: since the last one, or since its Schedule was made or changed; null: never. */
function idleFor(schedule: FoundSchedule | undefined, sinceSuccess: number | null): number | null {
  const info = schedule?.description.info;
  const made = info === undefined ? null : Date.now() - (info.lastUpdatedAt ?? info.createdAt).getTime();
  if (made === null) return sinceSuccess;
  return sinceSuccess === null ? made : Math.min(made, sinceSuccess);
}
