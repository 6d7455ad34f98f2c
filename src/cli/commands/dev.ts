import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { tellNext } from '../next.js';
import { addOperateOptions, operate, startLog, tellUntilClosed, type OperateOptions } from '../operating.js';
import { openSession } from '../session.js';

interface Options extends OperateOptions {
  readonly worker: boolean;
}

/** `dev`: everything in the foreground until Ctrl-C. */
export const register: Register = (program, act) => {
  addOperateOptions(program.command('dev').description('Temporal, Postgres and a worker in the foreground; Ctrl-C ends all cleanly'), '127.0.0.1', 'person')
    .option('--no-worker', 'without a worker: for one that is started apart')
    .addHelpText('after', examples('dev', 'dev --port 8080', 'dev --no-worker'))
    .action(act((context, options: Options) => dev(context, options)));
};

async function dev(context: Context, options: Options): Promise<ExitCode> {
  const { output } = context;
  const { worker } = options;
  if (!worker && options.port !== undefined) throw new CliError('--port serves what a worker tells, and --no-worker has none', EXIT.misused, 'leave one of them out');
  const log = await startLog(context, options, 'person');
  const session = await openSession(context);
  const { runtime, config } = session;
  const operated = worker ? await operate(context, session, options, log) : undefined;
  const url = operated?.url ?? null;
  const place = runtime.uiUrl ?? `Temporal at ${runtime.temporalAddress}`;
  output.printJson({
    webUi: runtime.uiUrl, temporal: runtime.temporalAddress, namespace: runtime.namespace, taskQueue: runtime.taskQueue, worker,
    health: url && `${url}/healthz`, ready: url && `${url}/readyz`, metrics: url && `${url}/metrics`,
  });
  output.print(`${worker ? 'ready' : 'ready, without a worker (syncline worker starts one)'}: ${place}${url === null ? '' : `, ${url}/metrics`}`);
  const [first] = Object.keys(config.syncs);
  if (first !== undefined) tellNext(context, `run ${first}`, 'in another terminal');
  // Only a failure ends `dev`; a worker that stops does so because it was told to.
  await Promise.race([tellUntilClosed(context, session, log, worker), ...(operated === undefined ? [] : [operated.failed])]);
  return EXIT.done;
}
