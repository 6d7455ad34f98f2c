import { makeTelemetryFilterString, Runtime as SdkRuntime, type LogLevel, type LogMetadata, type Logger } from '@temporalio/worker';
import { pino } from 'pino';

/** What may be logged of the SDK's notes: ids, counts and names. Anything else might hold a payload. */
const SHOWN = ['workflowId', 'runId', 'workflowType', 'activityId', 'activityType', 'attempt', 'taskQueue', 'namespace', 'sdkComponent', 'isLocal', 'target'];

/** A retried activity is told of at its first attempt and at every so-manieth after it. */
const EVERY_ATTEMPT = 20;

let wanted = process.env['SYNCLINE_DEBUG'] === '1';

/** Shows the SDK's warnings from now on: for who operates a worker. Any other command says by itself what went wrong. */
export function showSdkWarnings(): void {
  wanted = true;
}

/** What is decided by our own code, and told in its own words: a run that failed, an activity that is tried again. */
function isExpected(message: string, meta: LogMetadata | undefined): boolean {
  if (message === 'Workflow failed') return true;
  const error: unknown = meta?.['error'];
  if (message !== 'Activity failed' || !(error instanceof Error) || error.name !== 'ApplicationFailure') return false;
  return Number(meta?.['attempt'] ?? 1) % EVERY_ATTEMPT !== 1;
}

function shown(meta: LogMetadata | undefined): Record<string, unknown> {
  const notes: Record<string, unknown> = {};
  for (const name of SHOWN) if (meta?.[name] !== undefined) notes[name] = meta[name];
  const error: unknown = meta?.error;
  if (error instanceof Error) notes.error = `${error.name}: ${error.message}`;
  return notes;
}

/** The SDK's warnings and errors as JSON lines on stderr, where they are wanted. */
function sdkLogger(): Logger {
  const sink = pino({ name: 'temporal', level: 'warn', base: { pid: process.pid } }, pino.destination({ dest: 2, sync: true }));
  const log = (level: LogLevel, message: string, meta?: LogMetadata): void => {
    if (!wanted || isExpected(message, meta)) return;
    const name = level.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error';
    sink[name](shown(meta), message);
  };
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}

let installed = false;

/**
 * Sets the SDK up once a process. It takes no signal by itself: whoever runs a worker shuts it down, then closes
 * the runtime. Of the SDK's core only errors are shown: it warns at every poll while a server restarts.
 */
export function installSdk(): void {
  if (installed) return;
  installed = true;
  SdkRuntime.install({
    logger: sdkLogger(),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
}
