import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { addOperateOptions, operate, startLog, tellUntilClosed, type OperateOptions } from '../operating.js';
import { openSession } from '../session.js';

/** `worker`: a worker alone, for production. */
export const register: Register = (program, act) => {
  addOperateOptions(program.command('worker').description('a worker alone, until Ctrl-C or SIGTERM; calls under way come to their end'), '0.0.0.0', 'service')
    .addHelpText('after', examples('worker', 'worker --port 8080', 'worker --port 8080 --log json'))
    .action(act((context, options: OperateOptions) => work(context, options)));
};

async function work(context: Context, options: OperateOptions): Promise<ExitCode> {
  const { output } = context;
  const log = await startLog(context, options, 'service');
  const session = await openSession(context);
  const { runtime } = session;
  const { url, failed } = await operate(context, session, options, log);
  output.printJson({
    temporal: runtime.temporalAddress, namespace: runtime.namespace, taskQueue: runtime.taskQueue,
    health: url && `${url}/healthz`, ready: url && `${url}/readyz`, metrics: url && `${url}/metrics`,
  });
  output.print(`worker ready: task queue ${runtime.taskQueue} of ${runtime.namespace} at ${runtime.temporalAddress}${url === null ? '' : `, ${url}/healthz`}`);
  await Promise.race([tellUntilClosed(context, session, log, true), failed]);
  return EXIT.done;
}
