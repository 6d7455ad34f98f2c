import { Option, type Command } from 'commander';
import type { ServeOptions, Served } from '../hosting/index.js';
import type { Log } from '../telemetry/index.js';
import { port } from './arguments.js';
import type { Context } from './context.js';
import { CliError, EXIT } from './exit.js';
import { temporalAnswers } from './following/index.js';
import type { Session } from './session.js';
import { tellChanges } from './telling.js';
import { version } from './version.js';

export interface OperateOptions {
  readonly port?: number;
  readonly host: string;
  readonly log?: 'json' | 'text';
}

/** How a command logs where nobody says: `service` writes JSON lines where no person reads along, `person` plain ones everywhere. */
export type LogHabit = 'service' | 'person';

/** The options of a command that operates a worker: where it serves (by default at `host`), and how it logs. */
export function addOperateOptions(command: Command, host: string, habit: LogHabit): Command {
  return command
    .addOption(new Option('--port <port>', 'serve /healthz, /readyz, /metrics and /webhooks/DESTINATION there; 0 takes a free one (default: nothing is served)').argParser(port))
    .addOption(new Option('--host <address>', 'address to serve on').default(host))
    .addOption(new Option('--log <format>', `json or text on stderr (default: SYNCLINE_LOG, else ${habit === 'service' ? 'text on a terminal, json elsewhere' : 'text'})`).choices(['json', 'text']));
}

/**
 * Has everything said on stderr from now on be JSON lines, where that is asked for or nobody reads along.
 * @returns the log; undefined: text for people
 */
export async function startLog({ output, env }: Context, { log: asked }: OperateOptions, habit: LogHabit): Promise<Log | undefined> {
  const wanted = asked ?? env['SYNCLINE_LOG'];
  if (wanted !== undefined && wanted !== '' && wanted !== 'json' && wanted !== 'text') {
    throw new CliError(`SYNCLINE_LOG: found ${JSON.stringify(wanted)}`, EXIT.misused, 'expected json or text');
  }
  const json = wanted === undefined || wanted === '' ? habit === 'service' && output.stderr.isTTY !== true : wanted === 'json';
  if (!json) return undefined;
  const { openLog } = await import('../telemetry/index.js');
  const log = await openLog(output.stderr, output.quiet);
  output.logTo(log);
  return log;
}

/** A worker at work. */
export interface Operated {
  /** Where it serves; null: nowhere. */
  readonly url: string | null;
  /** Rejects when the worker failed; settles in no other way. */
  readonly failed: Promise<never>;
}

/**
 * Hosts a worker until the command ends, with its metrics, log and traces. It serves until its last activity has ended, so
 * that it can be seen stopping.
 * @throws CliError where the port cannot be had
 */
export async function operate(context: Context, session: Session, options: OperateOptions, log: Log | undefined): Promise<Operated> {
  const { output, signal } = context;
  const { runtime, pool, config } = session;
  const [{ LiveConfig }, { hostWorker }, telemetry, { collectSdkMetrics, showSdkWarnings }] = await Promise.all([
    import('../control/index.js'), import('../hosting/index.js'), import('../telemetry/index.js'), import('../runtime/index.js'),
  ]);
  showSdkWarnings();
  const about = { version: version(), taskQueue: runtime.taskQueue, namespace: runtime.namespace };
  if (options.port !== undefined) collectSdkMetrics();
  const warn = (line: string): void => { output.warn(line); };
  const metrics = options.port === undefined ? undefined : await telemetry.openMetrics({ pool, about, warn });
  if (metrics !== undefined) context.onClose(() => { metrics.close(); });
  const traces = await telemetry.openTraces(context.env, { about, warn });
  if (traces !== undefined) context.onClose(() => traces.close());
  const observers = [metrics?.observer, log?.observer, traces?.observer].filter((one) => one !== undefined);
  let served: Served | undefined;
  context.onClose(() => served?.close());
  const live = new LiveConfig(config);
  const host = await hostWorker({
    config: live, runtime, directory: config.directory, warn, ...(observers.length > 0 && { observer: telemetry.together(observers) }),
  });
  context.onClose(() => host.stop());
  if (options.port !== undefined && metrics !== undefined) {
    served = await listen({
      at: { port: options.port, host: options.host }, pool, config: live, temporal: session.temporal, metrics,
      lives: () => host.state() !== 'stopped', stopping: () => signal.aborted || host.state() === 'stopping', polls: host.polls, temporalAnswers: () => temporalAnswers(session),
    });
  }
  const failed = host.done.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  return { url: served?.url ?? null, failed };
}

/** Tells what changes until the command is to end. With a log of its own the worker tells of runs itself. */
export function tellUntilClosed({ output, signal }: Context, { pool }: Session, log: Log | undefined, hosting: boolean): Promise<void> {
  return tellChanges(pool, ({ event, words, fields }) => {
    if (log === undefined) output.progress(`${new Date().toISOString()} ${words}`);
    else if (event !== 'run' || !hosting) log.line('info', words, { event, ...fields });
  }, signal);
}

/** @throws CliError where the port cannot be had */
async function listen(options: ServeOptions): Promise<Served> {
  const { serve } = await import('../hosting/index.js');
  try {
    return await serve(options);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')) {
      throw new CliError(`port ${String(options.at.port)} cannot be served on (${error.code})`, EXIT.failed, 'name another with --port, or 0 for a free one');
    }
    throw error;
  }
}
