import type { BufferedMetricUpdate, MetricsBuffer } from '@temporalio/worker';

/** A change of one of the SDK's own metrics: of a counter what is added, else the value. */
export type SdkMetricUpdate = BufferedMetricUpdate;

/** The SDK keeps so many changes for us; what comes beyond is lost. */
export const BUFFERED = 100_000;
/** Between two looks. Milliseconds. */
const LOOK_MS = 1_000;

let wanted = false;
let buffer: MetricsBuffer | undefined;
let consumer: ((updates: Iterable<SdkMetricUpdate>) => void) | undefined;

/**
 * Has Temporal's SDK tell its own metrics from when it is set up: call it before the first worker is made. They come
 * through memory, without a port of their own. Where the SDK of this process is set up already, nothing comes.
 */
export function collectSdkMetrics(): void {
  wanted = true;
}

export function sdkMetricsWanted(): boolean {
  return wanted;
}

/** Where the SDK puts its metrics. Looked at for as long as the process lives, also while nobody listens: it must not fill up. */
export function sdkMetricsInto(made: MetricsBuffer): void {
  buffer = made;
  setInterval(drainSdkMetrics, LOOK_MS).unref();
}

/** Takes what there is now to whoever listens. */
export function drainSdkMetrics(): void {
  const updates = buffer?.retrieveUpdates();
  if (updates !== undefined) consumer?.(updates);
}

/** Tells the SDK's metrics from now on, to one listener at a time. @returns ends it */
export function onSdkMetrics(listener: (updates: Iterable<SdkMetricUpdate>) => void): () => void {
  consumer = listener;
  return () => { if (consumer === listener) consumer = undefined; };
}
