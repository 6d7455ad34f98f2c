import { Option } from 'commander';
import type { Served, ServeOptions } from '../../hosting/index.js';
import { port } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { temporalAnswers } from '../following/index.js';
import { openSession } from '../session.js';
import { tellChanges } from './dev.js';

interface Options {
  readonly port?: number;
  readonly host: string;
}

/** `worker`: a worker alone, for production. */
export const register: Register = (program, act) => {
  program
    .command('worker')
    .description('a worker alone, until Ctrl-C or SIGTERM; calls under way come to their end')
    .addOption(new Option('--port <port>', 'serve /healthz and /webhooks/DESTINATION there; 0 takes a free one (default: nothing is served)').argParser(port))
    .addOption(new Option('--host <address>', 'address to serve on').default('0.0.0.0'))
    .addHelpText('after', examples('worker', 'worker --port 8080'))
    .action(act((context, options: Options) => work(context, options)));
};

async function work(context: Context, { port: wanted, host: address }: Options): Promise<ExitCode> {
  const { output, signal } = context;
  const session = await openSession(context);
  const { runtime, pool, config } = session;
  const [{ LiveConfig }, { hostWorker }] = await Promise.all([import('../../control/index.js'), import('../../hosting/index.js')]);
  (await import('../../runtime/index.js')).showSdkWarnings();
  const live = new LiveConfig(config);
  const host = await hostWorker({ config: live, runtime, directory: config.directory, warn: (line) => { output.warn(line); } });
  context.onClose(() => host.stop());
  let ended = false;
  const failed = host.done.finally(() => { ended = true; }).then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  let url: string | null = null;
  if (wanted !== undefined) {
    const served = await listen({
      at: { port: wanted, host: address }, pool, config: live, temporal: session.temporal,
      lives: () => !ended && !signal.aborted, temporalAnswers: () => temporalAnswers(session),
    });
    context.onClose(() => served.close());
    url = `${served.url}/healthz`;
  }
  output.printJson({ temporal: runtime.temporalAddress, namespace: runtime.namespace, taskQueue: runtime.taskQueue, health: url });
  output.print(`worker ready: task queue ${runtime.taskQueue} of ${runtime.namespace} at ${runtime.temporalAddress}${url === null ? '' : `, ${url}`}`);
  await Promise.race([tellChanges(pool, (line) => { output.progress(`${new Date().toISOString()} ${line}`); }, signal), failed]);
  return EXIT.done;
}

/** @throws CliError where the port cannot be had */
async function listen(options: ServeOptions): Promise<Served> {
  const { serve } = await import('../../hosting/index.js');
  try {
    return await serve(options);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')) {
      throw new CliError(`port ${String(options.at.port)} cannot be served on (${error.code})`, EXIT.failed, 'name another with --port, or 0 for a free one');
    }
    throw error;
  }
}
