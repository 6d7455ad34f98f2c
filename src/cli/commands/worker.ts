import type { AddressInfo } from 'node:net';
import { Option } from 'commander';
import { port } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { temporalAnswers } from '../following/index.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
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
    .addOption(new Option('--port <port>', 'serve /healthz there; 0 takes a free one (default: nothing is served)').argParser(port))
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
  const host = await hostWorker({ config: new LiveConfig(config), runtime, directory: config.directory, warn: (line) => { output.warn(line); } });
  context.onClose(() => host.stop());
  let ended = false;
  const failed = host.done.finally(() => { ended = true; }).then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  const url = wanted === undefined ? null : await serveHealth(context, session, { port: wanted, host: address }, () => !ended);
  output.printJson({ temporal: runtime.temporalAddress, namespace: runtime.namespace, taskQueue: runtime.taskQueue, health: url });
  output.print(`worker ready: task queue ${runtime.taskQueue} of ${runtime.namespace} at ${runtime.temporalAddress}${url === null ? '' : `, ${url}`}`);
  await Promise.race([tellChanges(pool, (line) => { output.progress(`${new Date().toISOString()} ${line}`); }, signal), failed]);
  return EXIT.done;
}

/** `/healthz`: 200 while the worker runs and both stores answer, else 503 naming what does not. @returns its address */
async function serveHealth(context: Context, session: Session, at: { readonly port: number; readonly host: string }, lives: () => boolean): Promise<string> {
  const { default: fastify } = await import('fastify');
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/healthz', async (_, reply) => {
    const [postgres, temporal] = await Promise.all([ledgerAnswers(session), temporalAnswers(session)]);
    const worker = lives() && !context.signal.aborted;
    const well = worker && postgres && temporal;
    return reply.code(well ? 200 : 503).send({ status: well ? 'ok' : 'unwell', worker, postgres, temporal });
  });
  try {
    await app.listen(at);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')) {
      throw new CliError(`port ${String(at.port)} cannot be served on (${error.code})`, EXIT.failed, 'name another with --port, or 0 for a free one');
    }
    throw error;
  }
  context.onClose(() => app.close());
  const served = app.server.address() as AddressInfo;
  return `http://${at.host === '0.0.0.0' ? '127.0.0.1' : at.host}:${String(served.port)}/healthz`;
}

async function ledgerAnswers({ pool }: Session): Promise<boolean> {
  const answer = pool.query('SELECT 1').then(() => true, () => false);
  return Promise.race([answer, new Promise<boolean>((resolve) => { setTimeout(resolve, 2_000, false).unref(); })]);
}
