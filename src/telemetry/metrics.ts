import { Counter, Gauge, Histogram, type CollectFunction, type Registry } from 'prom-client';
import type { Observer } from './observer.js';
import { bounded } from './labels.js';

/** From a call on the same machine to a platform that takes its time. Seconds. */
const DURATIONS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * What this process has seen itself, counted from its start: calls, how long they took, and their short waits for a place
 * in the pace. Every worker has numbers of its own; their sum is the installation's.
 */
export function processMetrics(registry: Registry): Partial<Observer> {
  const registers = [registry];
  const calls = new Counter({
    name: 'syncline_calls_total', help: 'Calls to platforms made by this process, by what came of them.', labelNames: ['account', 'destination', 'kind', 'outcome'], registers,
  });
  const durations = new Histogram({
    name: 'syncline_call_duration_seconds', help: 'How long calls to platforms took, from their start to the last byte of the answer.', labelNames: ['account', 'destination', 'kind'], buckets: DURATIONS, registers,
  });
  const rows = new Counter({
    name: 'syncline_call_rows_total', help: 'Rows in the bulk calls made by this process.', labelNames: ['account', 'destination', 'outcome'], registers,
  });
  const paced = new Counter({
    name: 'syncline_pace_wait_seconds_total', help: 'Seconds calls of this process waited for their place in the pace, where that was short; long waits: syncline_lane_wait_seconds_total.', labelNames: ['account'], registers,
  });
  return {
    called: ({ account, destination, kind, outcome, tookMs, rows: count }) => {
      calls.inc({ account, destination, kind, outcome: bounded(outcome) });
      durations.observe({ account, destination, kind }, tookMs / 1000);
      if (kind === 'send') rows.inc({ account, destination, outcome: bounded(outcome) }, count);
    },
    asked: ({ account, destination, answered, tookMs }) => {
      calls.inc({ account, destination, kind: 'other', outcome: answered ? 'answered' : 'failed' });
      durations.observe({ account, destination, kind: 'other' }, tookMs / 1000);
    },
    paced: (account, seconds) => { paced.inc({ account }, seconds); },
    abandoned: (account, count) => { calls.inc({ account, destination: '', kind: 'send', outcome: 'abandoned' }, count); },
  };
}

/** A gauge in the registry, by name. */
export function gauge<L extends string>(registry: Registry, name: string, help: string, labelNames: readonly L[], collect?: CollectFunction<Gauge<L>>): Gauge<L> {
  return new Gauge({ name, help, labelNames, registers: [registry], ...(collect && { collect }) });
}
