import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, StatusDocument } from '../../ledger/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { isConnectionTrouble } from '../following/index.js';
import { tellNext } from '../next.js';
import { openSession } from '../session.js';

/** Milliseconds between two looks at the ledger. */
const LOOK_MS = 1_000;

/** `dev`: everything in the foreground until Ctrl-C. */
export const register: Register = (program, act) => {
  program
    .command('dev')
    .description('Temporal, Postgres and a worker in the foreground; Ctrl-C ends all cleanly')
    .option('--no-worker', 'without a worker: for one that is started apart')
    .addHelpText('after', examples('dev', 'dev --no-worker'))
    .action(act((context, { worker }: { readonly worker: boolean }) => dev(context, worker)));
};

async function dev(context: Context, withWorker: boolean): Promise<ExitCode> {
  const { output, signal } = context;
  const { runtime, pool, config } = await openSession(context);
  let failed: Promise<never> | undefined;
  if (withWorker) {
    const [{ LiveConfig }, { hostWorker }] = await Promise.all([import('../../control/index.js'), import('../../hosting/index.js')]);
    (await import('../../runtime/index.js')).showSdkWarnings();
    const host = await hostWorker({ config: new LiveConfig(config), runtime, directory: config.directory, warn: (line) => { output.warn(line); } });
    context.onClose(() => host.stop());
    // Only a failure ends `dev`; a worker that stops does so because it was told to.
    failed = host.done.then(() => new Promise<never>(() => undefined));
    failed.catch(() => undefined);
  }
  const place = runtime.uiUrl ?? `Temporal at ${runtime.temporalAddress}`;
  output.printJson({ webUi: runtime.uiUrl, temporal: runtime.temporalAddress, namespace: runtime.namespace, taskQueue: runtime.taskQueue, worker: withWorker });
  output.print(`${withWorker ? 'ready' : 'ready, without a worker (syncline worker starts one)'}: ${place}`);
  const [first] = Object.keys(config.syncs);
  if (first !== undefined) tellNext(context, `run ${first}`, 'in another terminal');
  await Promise.race([tellChanges(pool, (line) => { output.progress(`${new Date().toISOString()} ${line}`); }, signal), ...(failed === undefined ? [] : [failed])]);
  return EXIT.done;
}

/** Tells of runs and lanes as they change, a line each, until the signal. */
export async function tellChanges(pool: Pool, tell: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { statusDocument } = await import('../../ledger/index.js');
  let before: ReadonlyMap<string, string> | undefined;
  let away = false;
  while (!signal.aborted) {
    try {
      const now = linesOf(await statusDocument(pool));
      if (away) tell('the ledger (Postgres) answers again');
      away = false;
      for (const [name, line] of now) if (before !== undefined && before.get(name) !== line && line !== '') tell(line);
      before = now;
    } catch (error) {
      if (!isConnectionTrouble(error)) throw error;
      if (!away) tell('the ledger (Postgres) does not answer: waiting for it');
      away = true;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** What is worth a line, by what it is about. */
function linesOf({ syncs, lanes }: StatusDocument): ReadonlyMap<string, string> {
  return new Map([
    ...syncs.map(({ sync, lastRun }): [string, string] => [`sync ${sync}`, lastRun === null ? '' : `run ${lastRun.run} of ${sync} (${lastRun.kind}): ${lastRun.status.replaceAll('_', ' ')}`]),
    ...lanes.map(({ account, state, reason }): [string, string] => [`lane ${account}`, `lane ${account}: ${state.replaceAll('_', ' ')}${reason === null ? '' : `, ${reason}`}`]),
  ]);
}
