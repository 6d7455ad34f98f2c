import { setTimeout as sleep } from 'node:timers/promises';
import { audit } from './audit.js';
import { runState } from './ledger.js';
import type { Side, World } from './world.js';

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
  /** Whose calls: position of the platform. */
  readonly of: number;
  /** Milliseconds more. */
  readonly jitter: number;
  /** The worker is left alive. */
  readonly spared: boolean;
}

export interface RoundResult {
  readonly plan: RoundPlan;
  /** Milliseconds from the start of the runs to the kill. */
  readonly killedAt: number;
  /** Calls of the runs that had arrived by then. */
  readonly callsThen: number;
  /** Whether a run was still open then. */
  readonly inRun: boolean;
  /** Milliseconds from the kill to the next call that arrived, at the platform that waited longest; null where none was left to make. */
  readonly recovered: number | null;
  /** Milliseconds from the kill until the last run was closed; 0 where all had been closed before. */
  readonly closed: number;
  readonly tookMs: number;
  readonly calls: number;
  readonly unknown: number;
  readonly throttled: number;
  /** How the runs ended. */
  readonly status: string;
  readonly failed: number;
  readonly faults: readonly string[];
}

/** People who opt out at a platform itself before each round. */
const OPT_OUTS = 60;
/** After a kill the work goes on within so long, also on a busy machine. Milliseconds. */
const RECOVERY_LIMIT_MS = 45_000;

/**
 * The rounds of a seed: the worker is killed in all, in every fifth Temporal too, in every fifth Postgres, in every
 * fifth the whole of dev. Two more at the end of a long series kill Temporal and Postgres under a living worker.
 */
export function planRounds(count: number, contacts: number, platforms: number, random: () => number, spared: boolean): RoundPlan[] {
  const five: readonly Victim[] = ['worker', 'postgres', 'temporal', 'dev', 'worker'];
  const victims = Array.from({ length: count }, (_, i) => five[i % 5] as Victim);
  const last: readonly Victim[] = spared ? ['temporal', 'postgres'] : [];
  return [...victims, ...last].map((victim, i) => {
    const size = random();
    const changes = i === 0 || size < 0.3 ? contacts : Math.max(1, Math.round(contacts * (size < 0.6 ? 0.5 : 0.02 + size * 0.2)));
    const meanwhile = random() < 0.5 && victim === 'worker' && i > 0;
    return { no: i + 1, victim, changes, meanwhile, moment: Math.max(0, random() * 1.1 - 0.1), of: Math.floor(random() * platforms), jitter: random() * 300, spared: i >= count };
  });
}

/** What one platform has to say of a round. */
type SideResult = Pick<RoundResult, 'recovered' | 'unknown' | 'status' | 'faults'> & { readonly closedAt: number; readonly inRun: boolean };

/** One round: people opt out, change, run, kill, start again, wait until all is well, check. */
export async function playRound(world: World, plan: RoundPlan): Promise<RoundResult> {
  const { place, crm, sides, optOuts } = world;
  const began = performance.now();
  const before = sides.map(({ passage }) => passage.calls.length);
  const callsSince = (): number => sides.reduce((sum, { passage }, i) => sum + passage.calls.length - (before[i] ?? 0), 0);
  if (plan.no > 1) {
    optOuts.act(OPT_OUTS);
    await crm.change(crm.pick(plan.changes));
  }

  const startedAt = performance.now();
  const starting = Promise.all(sides.map((side) => startRun(world, side)));
  // The worker may die while a command still starts a run; the services stay until it has: that is another promise.
  if (plan.victim !== 'worker') await starting;
  await untilMoment(world, plan, before);
  if (plan.meanwhile) await crm.change(crm.pick(Math.ceil(plan.changes / 4)));

  const killedAt = performance.now();
  const callsThen = callsSince();
  await killAll(world, plan);
  const runs = await starting;
  if (plan.victim === 'dev') await place.startDev();
  const open = await Promise.all(runs.map(async (run) => (await runState(place, run))?.ended === false));
  if (!plan.spared) place.startWorker();

  // While it recovers: calls with unknown outcomes are held just now.
  const faults = [...(await Promise.all(sides.map(({ checks }) => checks.delivered()))).flat(), ...(await audit(place))];
  const results = await Promise.all(sides.map((side, i) => settleSide(world, plan, side, { run: runs[i] as string, killedAt, inRun: open[i] === true, before: before[i] ?? 0 })));
  faults.push(...results.flatMap((result) => result.faults), ...(await audit(place)));
  const calls = sides.flatMap(({ passage }, i) => passage.calls.slice(before[i]));
  const longest = (numbers: readonly (number | null)[]): number | null => numbers.reduce((most, one) => (one === null ? most : Math.max(one, most ?? 0)), null);
  return {
    plan, callsThen, faults, inRun: open.includes(true), calls: calls.length, status: [...new Set(results.map((result) => result.status))].join(', '),
    failed: results.filter((result) => result.status === 'failed').length, recovered: longest(results.map((result) => result.recovered)),
    unknown: results.reduce((sum, result) => sum + result.unknown, 0), killedAt: killedAt - startedAt,
    closed: longest(results.map((result) => (result.inRun ? result.closedAt - killedAt : 0))) ?? 0,
    tookMs: performance.now() - began, throttled: calls.filter((call) => call.status === 429).length,
  };
}

/** Waits until a platform's run is over and everything it left is settled, and checks. */
async function settleSide(world: World, plan: RoundPlan, side: Side, { run, killedAt, inRun, before }: { run: string; killedAt: number; inRun: boolean; before: number }): Promise<SideResult> {
  const { place } = world;
  const { platform: { name }, checks, passage, pace } = side;
  const faults: string[] = [];
  const ended = async (): Promise<boolean> => (await runState(place, run))?.ended === true;
  await place.until(() => `${name}: run ${run} of round ${plan.no} ends (worker: ${place.processes.tail('worker')})`, 120_000, ended);
  const closedAt = performance.now();
  const { status, error } = (await runState(place, run)) ?? { status: 'gone', error: null };
  if (status !== 'completed' && status !== 'failed') faults.push(`${name}: the run ended as ${status}: ${error ?? 'no reason'}`);
  faults.push(...(await checks.delivered()));
  const next = passage.firstAfter(killedAt + 100);
  const recovered = inRun && next !== undefined ? next - killedAt : null;
  if (recovered !== null && recovered > RECOVERY_LIMIT_MS) faults.push(`${name}: the next call came ${Math.round(recovered / 1000)} s after the kill`);
  if (plan.meanwhile || status === 'failed') faults.push(...(await nextRun(world, side)));
  const cuts = passage.calls.slice(before).filter((call) => call.status === null).length;
  const seen = await checks.calls(cuts + pace.concurrency);
  faults.push(...seen.faults, ...(await checks.equal()));
  return { status, faults, recovered, closedAt, inRun, unknown: seen.unknown };
}

/** Starts a run and gives back its id. */
async function startRun({ place }: World, { platform: { sync } }: Side): Promise<string> {
  const { code, stdout, stderr } = await place.command('run', sync, '--detach', '--json');
  if (code !== 0) throw new Error(`run ${sync} --detach ended with exit code ${code}: ${stderr.trim().slice(-300)}`);
  return (JSON.parse(stdout) as { run: string }).run;
}

/** Waits for as many calls of one platform as the plan says, and a little more; for none: until the run is being read. */
async function untilMoment({ sides }: World, { moment, changes, of, jitter, victim }: RoundPlan, before: readonly number[]): Promise<void> {
  const { passage, pace } = sides[of] as Side;
  const target = Math.floor(moment * Math.ceil(changes / pace.batchSize));
  for (const end = performance.now() + 20_000; passage.calls.length - (before[of] ?? 0) < target && performance.now() < end;) await sleep(5);
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
export async function nextRun({ place }: World, { platform: { sync } }: Side, expectedCode = 0): Promise<string[]> {
  const { code, stderr } = await place.command('run', sync, '--json');
  return code === expectedCode ? [] : [`${sync}: the next run ended with exit code ${code}, expected ${expectedCode}: ${stderr.trim().slice(-300)}`];
}
