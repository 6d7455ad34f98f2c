import type { Config, DestinationConfig, Limits } from '../config/index.js';
import { backfillReads } from '../extraction/index.js';
import type { Pool, RunPulse } from '../ledger/index.js';
import type { BackfillInput } from '../../workflows/names.js';
import { Connectors } from './connectors.js';
import { idsOf } from './ids.js';
import { windowed } from './plan.js';
import { shownRun } from './shown.js';
import { registerRun, startRunWorkflow, wakeWaiting, type Orchestrator } from './start.js';

/** Calls' worth of rows that may wait for the destination before a backfill holds, where the sync does not say. */
const WAITING_CALLS = 50;
/** A hold is looked at again between these. Milliseconds. */
const SHORTEST_HOLD_MS = 500;
const LONGEST_HOLD_MS = 300_000;

/** What of a source's time a backfill reads: from (inclusive) to (exclusive), ISO 8601; without both, everything. */
export interface Window {
  readonly from?: string;
  readonly to?: string;
}

/** What decides how fast a backfill may read. */
export interface Pressure {
  /** Rows that may wait for the destination. */
  readonly maxWaiting: number;
  readonly batchSize: number;
  readonly limits: Pick<Limits, 'calls' | 'per'>;
  readonly window?: DestinationConfig['window'];
}

/** Starts a backfill now; where one of this sync still reads, that one is named instead. */
export async function startBackfill(pool: Pool, temporal: Orchestrator, config: Config, name: string, window: Window, allowMassChange = false): Promise<{ readonly run: string; readonly attached: boolean }> {
  const opened = await registerRun(pool, config, name, { kind: 'backfill', ...window, ...(allowMassChange && { allowMassChange }) }, (run) => idsOf(temporal).backfill(name, run));
  if (!opened.attached) {
    const input: BackfillInput = { sync: name, run: opened.run, attributes: temporal.attributes };
    await startRunWorkflow(temporal, 'backfill', idsOf(temporal).backfill(name, opened.run), input, shownRun('a backfill', { sync: name, run: opened.run, kind: 'backfill', destination: config.syncs[name]?.destination }));
    await wakeWaiting(pool, temporal, opened.account);
  }
  return { run: opened.run, attached: opened.attached };
}

/** What a backfill costs at most: every row it reads is sent. */
export interface BackfillCost {
  /** Roughly; null: the source cannot tell. */
  readonly rows: number | null;
  readonly calls: number | null;
  /** Seconds the account's limit makes of so many calls. */
  readonly seconds: number | null;
}

/**
 * Asks the source how much a backfill would read.
 * @throws SourceError
 */
export async function backfillCost(config: Config, name: string, window: Window, signal: AbortSignal): Promise<BackfillCost> {
  const connectors = new Connectors();
  try {
    const { source } = connectors.wire(config, name);
    const plan = await source.begin({ kind: backfillReads(window), state: null, ...window }, signal);
    const rows = await source.count(plan, signal);
    if (rows === null) return { rows, calls: null, seconds: null };
    const pressure = backPressure(config, name);
    const calls = Math.ceil(rows / pressure.batchSize);
    return { rows, calls, seconds: windowed(secondsOf(rows, pressure), pressure.window) };
  } finally {
    await connectors.close();
  }
}

/** How fast a sync's backfill may read. @throws Error when the configuration has no such sync */
export function backPressure(config: Config, name: string): Pressure {
  const sync = config.syncs[name];
  if (sync === undefined) throw new Error(`there is no sync ${name} in ${config.file}`);
  const { batchSize, limits, window } = config.destinations[sync.destination] as DestinationConfig;
  return { batchSize, limits, ...(window && { window }), maxWaiting: sync.backfill?.maxWaiting ?? WAITING_CALLS * batchSize };
}

/**
 * How many rows the next slice may queue; 0: it holds until half of what may wait is sent, which takes `holdMs` at the
 * account's limit. So a slice is never a few rows only.
 */
export function sliceOf(pressure: Pressure, waiting: number): { readonly most: number; readonly holdMs: number } {
  const half = pressure.maxWaiting / 2;
  if (waiting <= half) return { most: Math.max(1, pressure.maxWaiting - waiting), holdMs: 0 };
  return { most: 0, holdMs: Math.min(Math.max(secondsOf(waiting - half, pressure) * 1_000, SHORTEST_HOLD_MS), LONGEST_HOLD_MS) };
}

/** Seconds until a backfill has sent all it will, at the account's limit and within the delivery window; null: the source cannot tell how much it holds. */
export function secondsLeft({ counts, extracting, estimate }: Pick<RunPulse, 'counts' | 'extracting' | 'estimate'>, pressure: Pressure): number | null {
  const open = counts.waiting + counts.inFlight;
  if (!extracting) return windowed(secondsOf(open, pressure), pressure.window);
  if (estimate === null) return null;
  const share = counts.extracted === 0 ? 1 : counts.queued / counts.extracted;
  return windowed(secondsOf(open + Math.max(0, estimate - counts.extracted) * share, pressure), pressure.window);
}

/** Seconds the account's limit makes of so many rows. */
function secondsOf(rows: number, { batchSize, limits: { calls, per } }: Pressure): number {
  return (Math.ceil(rows / batchSize) * per) / calls / 1_000;
}
