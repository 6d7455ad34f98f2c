import { makeTelemetryFilterString, MetricsBuffer, Runtime as SdkRuntime, type LogLevel, type LogMetadata, type Logger } from '@temporalio/worker';
import { pino } from 'pino';
import { maskPersonal } from '../http/index.js';
import { BUFFERED, sdkMetricsInto, sdkMetricsWanted } from './sdk-metrics.js';
import { isWorthTelling } from './sdk-warnings.js';

/** What may be logged of the SDK's notes: ids, counts and names. Anything else might hold a payload. */
const SHOWN = ['workflowId', 'runId', 'workflowType', 'activityId', 'activityType', 'attempt', 'taskQueue', 'namespace', 'sdkComponent', 'isLocal', 'target'];

function shown(meta: LogMetadata | undefined): Record<string, unknown> {
  const notes: Record<string, unknown> = {};
  for (const name of SHOWN) if (meta?.[name] !== undefined) notes[name] = meta[name];
  const error: unknown = meta?.error;
  if (error instanceof Error) notes.error = maskPersonal(`${error.name}: ${error.message}`);
  return notes;
}

/** The SDK's warnings and errors as JSON lines on stderr, where they are wanted. */
function sdkLogger(): Logger {
  const sink = pino({ name: 'temporal', level: 'warn', base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } }, pino.destination({ dest: 2, sync: true }));
  const log = (level: LogLevel, message: string, meta?: LogMetadata): void => {
    if (!isWorthTelling(message, meta)) return;
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
  const buffer = sdkMetricsWanted() ? new MetricsBuffer({ maxBufferSize: BUFFERED, useSecondsForDurations: true }) : undefined;
  SdkRuntime.install({
    logger: sdkLogger(),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
      ...(buffer && { metrics: { buffer, attachServiceName: false } }),
    },
  });
  if (buffer !== undefined) sdkMetricsInto(buffer);
}
