import { collectDefaultMetrics, Registry } from 'prom-client';
import { drainSdkMetrics, onSdkMetrics } from '../runtime/index.js';
import { ledgerMetrics, type LedgerMetricsOptions } from './ledger-metrics.js';
import { gauge, processMetrics } from './metrics.js';
import type { Observer } from './observer.js';
import { sdkMetrics } from './sdk-metrics.js';

export interface MetricsOptions extends LedgerMetricsOptions {
  /** Told by `syncline_worker_info`. */
  readonly about: { readonly version: string; readonly taskQueue: string; readonly namespace: string };
}

export interface Metrics {
  readonly observer: Partial<Observer>;
  readonly contentType: string;
  /** Everything, in Prometheus's text format. Never rejects for the ledger's sake. */
  text(): Promise<string>;
  close(): void;
}

/** What a worker tells about itself and the ledger. */
export function makeMetrics({ about, ...ledger }: MetricsOptions): Metrics {
  const registry = new Registry();
  const info = gauge(registry, 'syncline_worker_info', 'A worker, its version and what it works for; always 1.', ['version', 'task_queue', 'namespace']);
  info.set({ version: about.version, task_queue: about.taskQueue, namespace: about.namespace }, 1);
  collectDefaultMetrics({ register: registry });
  const observer = processMetrics(registry);
  const measured = ledgerMetrics(registry, ledger);
  const ended = onSdkMetrics(sdkMetrics(registry));
  return {
    observer, contentType: registry.contentType,
    text: async () => {
      drainSdkMetrics();
      await measured();
      return registry.metrics();
    },
    close: () => {
      ended();
      registry.clear();
    },
  };
}
