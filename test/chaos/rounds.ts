import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './world.js';
import { runState } from './ledger.js';

/** What a round kills beside the worker. */
export type Victim = 'worker' | 'temporal' | 'postgres' | 'dev';

export interface RoundPlan {
  readonly no: number;
  readonly victim: Victim;
  /** Contacts changed before the run; the first round loads everything instead. */
  readonly changes: number;
  /** Also changes some while the run goes on. */
  readonly meanwhile: boolean;
  /** When the kill falls: after this part of the calls the run needs (0: while it reads). */
  readonly moment: number;
  /** Milliseconds more. */
  readonly jitter: number;
  /** The worker is left alive. */
  readonly spared: boolean;
}

export interface RoundResult {
  readonly plan: RoundPlan;
  /** Milliseconds from the start of the run to the kill. */
  readonly killedAt: number;
  /** Calls of the run that had arrived by then. */
  readonly callsThen: number;
  /** Whether the run was still open then. */
  readonly inRun: boolean;
  /** Milliseconds from the kill to the next call that arrived; null where none was left to make. */
  readonly recovered: number | null;
  /** Milliseconds from the kill until the run was closed; 0 where it had been closed before. */
  readonly closed: number;
  readonly tookMs: number;
  readonly calls: number;
  readonly unknown: number;
  readonly throttled: number;
  /** How the run ended. */
  readonly status: string;
  readonly faults: readonly string[];
}

/** After a kill the work goes on within so long, also on a busy machine. Milliseconds. */
const RECOVERY_LIMIT_MS = 45_000;

/**
 * The rounds of a seed: the worker is killed in all, in every fifth Temporal too, in every fifth Postgres, in every
 * fifth the whole of dev. Two more at the end of a long series kill Temporal and Postgres under a living worker.
 */
export function planRounds(count: number, contacts: number, random: () => number, spared: boolean): RoundPlan[] {
  const five: readonly Victim[] = ['worker', 'postgres', 'temporal', 'dev', 'worker'];
  const victims = Array.from({ length: count }, (_, i) => five[i % 5] as Victim);
  const last: readonly Victim[] = spared ? ['temporal', 'postgres'] : [];
  return [...victims, ...last].map((victim, i) => {
    const size = random();
    const changes = i === 0 || size < 0.3 ? contacts : Math.max(1, Math.round(contacts * (size < 0.6 ? 0.5 : 0.02 + size * 0.2)));
    const meanwhile = random() < 0.5 && victim === 'worker' && i > 0;
    return { no: i + 1, victim, changes, meanwhile, moment: Math.max(0, random() * 1.1 - 0.1), jitter: random() * 300, spared: i >= count };
  });
}

/** One round: change, run, kill, start again, wait until all is well, check. */
export async function playRound(world: World, plan: RoundPlan): Promise<RoundResult> {
  const { place, crm, witness, checks, pace } = world;
  const began = performance.now();
  const callsBefore = witness.calls.length;
  if (plan.no > 1) await crm.change(crm.pick(plan.changes));

  const startedAt = performance.now();
  const starting = startRun(world);
  // The worker may die while a command still starts a run; the services stay until it has: that is another promise.
  if (plan.victim !== 'worker') await starting;
  await untilMoment(world, plan, callsBefore);
  if (plan.meanwhile) await crm.change(crm.pick(Math.ceil(plan.changes / 4)));

  const killedAt = performance.now();
  const callsThen = witness.calls.length - callsBefore;
  await killAll(world, plan);
  const run = await starting;
  if (plan.victim === 'dev') await place.startDev();
  const inRun = (await runState(place, run))?.ended === false;
  if (!plan.spared) place.startWorker();

  // While it recovers: calls with unknown outcomes are held just now.
  const faults = [...(await checks.delivered()), ...(await checks.audit())];
  const ended = async (): Promise<boolean> => (await runState(place, run))?.ended === true;
  await place.until(() => `run ${run} of round ${plan.no} ends (worker: ${place.processes.tail('worker')})`, 120_000, ended);
  const closedAt = performance.now();
  const { status, error } = (await runState(place, run)) ?? { status: 'gone', error: null };
  if (status !== 'completed' && status !== 'failed') faults.push(`the run ended as ${status}: ${error ?? 'no reason'}`);
  faults.push(...(await checks.delivered()));
  const next = witness.firstAfter(killedAt + 100);
  const recovered = inRun && next !== undefined ? next - killedAt : null;
  if (recovered !== null && recovered > RECOVERY_LIMIT_MS) faults.push(`the next call came ${Math.round(recovered / 1000)} s after the kill`);
  if (plan.meanwhile || status === 'failed') faults.push(...(await nextRun(world)));

  const calls = witness.calls.slice(callsBefore);
  const cuts = calls.filter((call) => call.status === null).length;
  const seen = await checks.calls(cuts + pace.concurrency);
  faults.push(...seen.faults, ...(await checks.equal()), ...(await checks.audit()));
  return {
    plan, inRun, callsThen, status, faults, recovered, unknown: seen.unknown, calls: calls.length,
    killedAt: killedAt - startedAt, closed: inRun ? closedAt - killedAt : 0,
    tookMs: performance.now() - began, throttled: calls.filter((call) => call.status === 429).length,
  };
}

/** Starts a run and gives back its id. */
async function startRun({ place }: World): Promise<string> {
  const { code, stdout, stderr } = await place.command('run', 'crm-newsletter', '--detach', '--json');
  if (code !== 0) throw new Error(`run --detach ended with exit code ${code}: ${stderr.trim().slice(-300)}`);
  return (JSON.parse(stdout) as { run: string }).run;
}

/** Waits for as many calls as the plan says, and a little more; for none: until the run is being read. */
async function untilMoment({ witness, pace }: World, { moment, changes, jitter, victim }: RoundPlan, callsBefore: number): Promise<void> {
  const target = Math.floor(moment * Math.ceil(changes / pace.batchSize));
  for (const end = performance.now() + 20_000; witness.calls.length - callsBefore < target && performance.now() < end;) await sleep(5);
  // A command takes about this long to start and to open its run.
  await sleep(jitter + (target === 0 && victim === 'worker' ? 700 : 0));
}

async function killAll({ place }: World, { victim, spared }: RoundPlan): Promise<void> {
  // Those who would start it again go first.
  await Promise.all([spared ? undefined : place.processes.kill(place.worker), victim === 'dev' ? place.processes.kill(place.dev) : undefined]);
  if (victim === 'temporal' || victim === 'dev') place.killPart('temporal');
  if (victim === 'postgres' || victim === 'dev') place.killPart('postgres');
}

/** A run that is followed to its end: it sends what is left. */
export async function nextRun({ place }: World, expectedCode = 0): Promise<string[]> {
  const { code, stderr } = await place.command('run', 'crm-newsletter', '--json');
  return code === expectedCode ? [] : [`the next run ended with exit code ${code}, expected ${expectedCode}: ${stderr.trim().slice(-300)}`];
}
