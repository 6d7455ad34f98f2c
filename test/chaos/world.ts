import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';
import { seededRandom } from '../../src/sandbox/random.js';
import { Checks } from './checks.js';
import { Crm } from './crm.js';
import { Installation } from './installation.js';
import { Ledger } from './ledger.js';
import { OptOuts } from './opt-outs.js';
import type { Options } from './options.js';
import type { Passage } from './passage.js';
import type { Pace, Platform } from './platforms/index.js';
import { sweepKilled } from './processes.js';
import { Witness } from './witness.js';

/** One platform, the sync into it, and what is known of both. */
export interface Side {
  readonly platform: Platform;
  readonly pace: Pace;
  readonly passage: Passage;
  readonly checks: Checks;
}

/** Everything a round works with. */
export interface World {
  readonly place: Installation;
  readonly sandbox: Sandbox;
  readonly crm: Crm;
  readonly sides: readonly Side[];
  readonly optOuts: OptOuts;
  readonly random: () => number;
  end(keep: boolean): Promise<void>;
}

/** Starts the platforms, the witness, `dev` and a worker, and loads the CRM. Ends all of it where one fails. */
export async function createWorld(options: Options, signal: AbortSignal): Promise<World> {
  await sweepKilled();
  const random = seededRandom(options.seed);
  const sandbox = await startSandbox();
  const witness = new Witness(sandbox.url, options.platforms);
  await witness.listen();
  const place = new Installation(options.cli, witness.url, options.platforms, options.batchSize);
  const end = async (keep: boolean): Promise<void> => {
    await place.end(keep);
    await witness.close();
    await sandbox.close();
  };
  // Whatever waits for a process then fails, and the program comes to its end.
  const interrupted = (): void => { place.end(false).catch(() => undefined); };
  signal.addEventListener('abort', interrupted, { once: true });
  try {
    const crm = new Crm(() => place.crmUrl(), random);
    const optOuts = new OptOuts(sandbox, crm);
    const sides = options.platforms.map((platform): Side => {
      const pace = platform.pace(options.batchSize);
      const passage = witness.passage(platform);
      const ledger = new Ledger(place, platform);
      return { platform, pace, passage, checks: new Checks({ platform, pace, passage, ledger, sandbox, crm, ...(platform.name === 'dengage' && { optOuts }) }) };
    });
    for (const { platform } of sides) platform.calm(sandbox);
    await place.startDev();
    await place.createCrm();
    await crm.load(options.contacts);
    place.startWorker();
    return { place, sandbox, crm, sides, optOuts, random, end };
  } catch (error) {
    await end(options.keep);
    throw error;
  }
}
