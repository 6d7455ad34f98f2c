import { onShutdown } from '../../src/runtime/index.js';
import { playMix, type MixResult } from './mix.js';
import { readOptions, USAGE, type Options } from './options.js';
import { HEADING, mixLine, roundLine, totals } from './report.js';
import { planRounds, playRound, type RoundResult } from './rounds.js';
import { createWorld, type World } from './world.js';

const say = (text: string): void => { process.stdout.write(`${text}\n`); };

/** Plays everything. @returns whether every invariant held */
async function play(world: World, options: Options, signal: AbortSignal): Promise<boolean> {
  const began = performance.now();
  const rounds: RoundResult[] = [];
  const mixes: MixResult[] = [];
  say(HEADING);
  for (const plan of planRounds(options.rounds, world.crm.rows.size, world.sides.length, world.random, !options.short)) {
    for (const { platform } of world.sides) platform.unrest(world.sandbox, options.seed + plan.no);
    const result = await playRound(world, plan);
    signal.throwIfAborted();
    rounds.push(result);
    say(roundLine(result));
  }
  const mixed = options.short ? ([['request', 200]] as const) : ([['row', world.crm.rows.size], ['request', 4_000]] as const);
  for (const [mode, changes] of mixed) {
    const result = await playMix(world, mode, changes);
    signal.throwIfAborted();
    mixes.push(result);
    say(mixLine(result));
  }
  say(totals(rounds, mixes, performance.now() - began));
  return [...rounds, ...mixes].every((one) => one.faults.length === 0);
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  const stopping = new AbortController();
  const unheard = onShutdown(() => { stopping.abort(); });
  const repeat = `npm run chaos -- --seed ${options.seed} --rounds ${options.rounds} --batch-size ${options.batchSize} --platform ${options.platforms.map((one) => one.name).join(',')}${options.short ? ' --short' : ''}`;
  say(`repeat with: ${repeat}`);
  let world: World | undefined;
  let held = false;
  try {
    world = await createWorld(options, stopping.signal);
    held = await play(world, options, stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) say(`BROKEN: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  const keep = options.keep && !held;
  await world?.end(keep);
  unheard();
  if (stopping.signal.aborted) return 130;
  if (!held) say(`repeat with: ${repeat}${keep && world !== undefined ? `\nleft for you to look at: ${world.place.directory}` : ''}`);
  return held ? 0 : 1;
}

process.exitCode = await main();
