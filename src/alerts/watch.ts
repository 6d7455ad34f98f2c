import type { LiveConfig, Orchestrator } from '../control/index.js';
import { noteTroubles, type Pool } from '../ledger/index.js';
import { look } from './look.js';
import { tellDue } from './tell.js';

/** Between two looks. Milliseconds. */
const LOOK_MS = 15_000;

export interface Watch {
  /** Ends it: what is being told just now is cut, and told again by whoever looks next. */
  stop(): Promise<void>;
}

export interface WatchOptions {
  readonly pool: Pool;
  readonly temporal: Orchestrator;
  readonly config: LiveConfig;
  /** Milliseconds between two looks. @default 15000 */
  readonly everyMs?: number;
}

/**
 * Looks now and then for what is wrong, and tells it, beside everything else a worker does: it holds up no lane and no
 * sweep, and no failure of it ends anything. Several workers may watch: one of them compares, each message is told by one.
 */
export function watchAlerts({ pool, temporal, config, everyMs = LOOK_MS }: WatchOptions): Watch {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const once = async (): Promise<void> => {
    const current = config.current();
    const { alerts } = current;
    if (alerts === null) return;
    const { troubles, events } = await look(pool, temporal, current, alerts);
    if (stopping.signal.aborted) return;
    await noteTroubles(pool, troubles, events, alerts.channels, alerts.quiet);
    await tellDue(pool, alerts.channels, stopping.signal);
  };
  // The ledger, Temporal or the configuration file may be away: the next look finds what this one missed.
  const turn = (): Promise<void> => once().catch(() => undefined).finally(() => {
    if (!stopping.signal.aborted) timer = setTimeout(() => { running = turn(); }, everyMs);
  });
  let running = turn();
  return {
    stop: async () => {
      stopping.abort(new Error('the worker is stopping'));
      clearTimeout(timer);
      await running;
    },
  };
}
