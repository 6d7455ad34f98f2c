import { startSandbox, type Sandbox } from '../../src/sandbox/index.js';
import { seededRandom } from '../../src/sandbox/random.js';
import { Checks } from './checks.js';
import { Crm } from './crm.js';
import type { Pace } from './configuration.js';
import { Installation } from './installation.js';
import type { Options } from './options.js';
import { sweepKilled } from './processes.js';
import { Witness } from './witness.js';

/** Everything a round works with. */
export interface World {
  readonly place: Installation;
  readonly sandbox: Sandbox;
  readonly witness: Witness;
  readonly crm: Crm;
  readonly checks: Checks;
  readonly pace: Pace;
  readonly random: () => number;
  end(keep: boolean): Promise<void>;
}

/** Starts the platform, the witness, `dev` and a worker, and loads the CRM. Ends all of it where one fails. */
export async function createWorld(options: Options, signal: AbortSignal): Promise<World> {
  await sweepKilled();
  const random = seededRandom(options.seed);
  const pace: Pace = { batchSize: options.batchSize, calls: 12, perMs: 1_000, concurrency: 4 };
  const sandbox = await startSandbox();
  const witness = new Witness(sandbox.url);
  await witness.listen();
  const place = new Installation(options.cli, witness.url, pace);
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
    await place.startDev();
    await place.createCrm();
    await crm.load(options.contacts);
    place.startWorker();
    return { place, sandbox, witness, crm, pace, random, end, checks: new Checks(place, sandbox, witness, crm) };
  } catch (error) {
    await end(options.keep);
    throw error;
  }
}
