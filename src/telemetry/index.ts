import type { Log, Sink } from './log.js';
import type { Metrics, MetricsOptions } from './open-metrics.js';
import type { Traces, TracesOptions } from './tracing.js';

export { together, type Observer, type SeenActivity, type SeenCall, type SeenEnd, type SeenQuestion, type SeenReading, type SeenRun, type SeenVerification } from './observer.js';
export type { Log } from './log.js';
export type { Metrics, MetricsOptions } from './open-metrics.js';
export type { Traces } from './tracing.js';

/** Metrics of this process and the ledger; loads what they take. */
export async function openMetrics(options: MetricsOptions): Promise<Metrics> {
  return (await import('./open-metrics.js')).makeMetrics(options);
}

/** A log of JSON lines; loads what it takes. @param quiet only what somebody should know */
export async function openLog(sink: Sink, quiet: boolean): Promise<Log> {
  return (await import('./log.js')).makeLog(sink, quiet);
}

/**
 * Traces, where OpenTelemetry's standard variables name an endpoint; undefined, and nothing loaded, where they do not.
 * The exporter reads address, headers and the rest from the process's environment itself.
 */
export async function openTraces(env: Readonly<Record<string, string | undefined>>, options: Omit<TracesOptions, 'protocol'>): Promise<Traces | undefined> {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!endpoint || env['OTEL_SDK_DISABLED'] === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return undefined;
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/protobuf';
  if (protocol !== 'http/protobuf' && protocol !== 'http/json') {
    options.warn(`OTEL_EXPORTER_OTLP_PROTOCOL: ${protocol} is not spoken, only http/protobuf and http/json (port 4318 of a collector); going on without traces`);
    return undefined;
  }
  return (await import('./tracing.js')).makeTraces({ ...options, protocol });
}
