import type { Pool } from '../src/ledger/index.js';
import type { Observer } from '../src/telemetry/index.js';
import type { Connectors, LiveConfig, Orchestrator } from '../src/control/index.js';

/** What activities are given once, when the worker starts. */
export interface Dependencies {
  readonly pool: Pool;
  readonly config: LiveConfig;
  readonly connectors: Connectors;
  readonly temporal: Orchestrator;
  /** Names this worker in leases. */
  readonly owner: string;
  /** Aborted when the worker begins to stop: what is under way is ended, nothing new is begun. */
  readonly stopping: AbortSignal;
  /** Is told what is done. @default nobody */
  readonly observer?: Observer | undefined;
  /** Milliseconds one delivery goes on for where calls are close together. @default 20000 */
  readonly deliverWindowMs?: number;
  /** Waits longer than this become durable timers. Milliseconds. @default 3000 */
  readonly longWaitMs?: number;
  /** Milliseconds one extraction reads for. @default 20000 */
  readonly extractBudgetMs?: number;
}
