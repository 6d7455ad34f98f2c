import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SdkMetricUpdate } from '../runtime/index.js';

/** From an activity task taken up at once to one that waited a minute. Seconds. */
const DURATIONS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];
/** Names of what the SDK labels its metrics with that are told: names and kinds, no id. */
const LABELS = [
  'namespace', 'task_queue', 'operation', 'status_code', 'workflow_type', 'activity_type', 'worker_type', 'poller_type', 'failure_reason', 'task_type', 'workflow_task_failure_type',
] as const;

type Labels = Partial<Record<(typeof LABELS)[number], string>>;

/**
 * Temporal's own metrics, under the names its Prometheus exporter gives them with units and `_total` switched on:
 * `temporal_request_total`, `temporal_activity_schedule_to_start_latency_seconds` …
 * @returns takes the SDK's updates
 */
export function sdkMetrics(registry: Registry): (updates: Iterable<SdkMetricUpdate>) => void {
  const known = new Map<string, (labels: Labels, value: number) => void>();
  return (updates) => {
    for (const { metric, value, attributes } of updates) {
      let take = known.get(metric.name);
      if (take === undefined) known.set(metric.name, (take = takerOf(registry, metric)));
      take(labelsOf(attributes), value);
    }
  };
}

function takerOf(registry: Registry, metric: SdkMetricUpdate['metric']): (labels: Labels, value: number) => void {
  const shared = { help: metric.description === undefined || metric.description === '' ? metric.name : metric.description, labelNames: LABELS, registers: [registry] };
  if (metric.kind === 'counter') {
    const counter = new Counter({ ...shared, name: suffixed(metric.name, 'total') });
    return (labels, value) => { counter.inc(labels, value); };
  }
  if (metric.kind === 'histogram') {
    const histogram = new Histogram({ ...shared, name: metric.unit === 's' ? suffixed(metric.name, 'seconds') : metric.name, buckets: DURATIONS });
    return (labels, value) => { histogram.observe(labels, value); };
  }
  const gauge = new Gauge({ ...shared, name: metric.name });
  return metric.kind === 'gauge' ? (labels, value) => { gauge.set(labels, value); } : (labels, value) => { gauge.inc(labels, value); };
}

function suffixed(name: string, suffix: string): string {
  return name.endsWith(`_${suffix}`) ? name : `${name}_${suffix}`;
}

function labelsOf(attributes: SdkMetricUpdate['attributes']): Labels {
  const labels: Labels = {};
  for (const name of LABELS) if (attributes[name] !== undefined) labels[name] = String(attributes[name]);
  return labels;
}
