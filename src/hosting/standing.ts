import { pendingMigrations, type Pool } from '../ledger/index.js';

export interface StandingOptions {
  readonly pool: Pool;
  /** Whether the worker has not ended. */
  readonly lives: () => boolean;
  /** What is under way comes to its end, nothing new is begun. @default never */
  readonly stopping?: () => boolean;
  /** Whether the worker asks Temporal for work. @default as long as it lives */
  readonly polls?: () => boolean;
  readonly temporalAnswers: () => Promise<boolean>;
}

/** The answer to `/readyz`. `reasons` is empty where it is ready. */
export interface Readiness {
  readonly status: 'ready' | 'unready';
  readonly reasons: readonly string[];
  readonly worker: boolean;
  readonly polling: boolean;
  readonly stopping: boolean;
  readonly postgres: boolean;
  /** The ledger has every migration of this version; null: Postgres does not answer. */
  readonly ledger: boolean | null;
  readonly temporal: boolean;
}

/** The answer to `/healthz`. */
export interface Health {
  /** `degraded`: it lives, and waits for a store; only `unwell` (the worker has ended) is mended by a restart. */
  readonly status: 'ok' | 'degraded' | 'stopping' | 'unwell';
  readonly worker: boolean;
  readonly postgres: boolean;
  readonly temporal: boolean;
}

/** A store that takes longer to answer is not well. Milliseconds. */
const WELL_WITHIN_MS = 2_000;
/** Whoever only asks whether the worker lives is not kept waiting by a store that hangs. Milliseconds. */
const ALIVE_WITHIN_MS = 900;
/** What is still asked when the port is closed is waited for so long. Milliseconds. */
const LEAVE_MS = 3_000;

/** Whether the worker takes up work, and if not, why. */
export async function readiness(options: StandingOptions): Promise<Readiness> {
  const [{ postgres, pending }, temporal] = await Promise.all([askLedger(options.pool, WELL_WITHIN_MS), within(options.temporalAnswers(), false, WELL_WITHIN_MS)]);
  const worker = options.lives();
  const stopping = worker && options.stopping?.() === true;
  const polling = worker && options.polls?.() !== false;
  const ledger = postgres ? pending.length === 0 : null;
  const reasons = [
    ...(worker ? [] : ['the worker has ended']),
    ...(stopping ? ['the worker is stopping'] : []),
    ...(worker && !stopping && !polling ? ['the worker does not ask Temporal for work'] : []),
    ...(postgres ? [] : ['the ledger (Postgres) does not answer']),
    ...(ledger === false ? [`the ledger lacks ${pending.join(', ')}: any syncline command that uses it brings it up to date`] : []),
    ...(temporal ? [] : ['Temporal does not answer']),
  ];
  return { status: reasons.length === 0 ? 'ready' : 'unready', reasons, worker, polling, stopping, postgres, ledger, temporal };
}

/** Whether the worker lives; how the stores are is told beside it, as far as that is known at once. */
export async function health(options: StandingOptions): Promise<Health> {
  const [{ postgres }, temporal] = await Promise.all([askLedger(options.pool, ALIVE_WITHIN_MS), within(options.temporalAnswers(), false, ALIVE_WITHIN_MS)]);
  const worker = options.lives();
  const status = !worker ? 'unwell' : options.stopping?.() === true ? 'stopping' : postgres && temporal ? 'ok' : 'degraded';
  return { status, worker, postgres, temporal };
}

/**
 * Keeps count of questions to Temporal that go on after the answer was given: its client ends the process where a connection
 * is closed under one.
 * @returns asks; waits until nothing is asked any more, three seconds at most
 */
export function asksTemporal(temporalAnswers: () => Promise<boolean>): { readonly ask: () => Promise<boolean>; readonly asked: () => Promise<unknown> } {
  const asking = new Set<Promise<boolean>>();
  return {
    ask: () => {
      const answer = temporalAnswers().finally(() => asking.delete(answer));
      asking.add(answer);
      return answer;
    },
    asked: () => within<unknown>(Promise.allSettled(asking), undefined, LEAVE_MS),
  };
}

/** SQLSTATE of what a ledger that was never made, or is gone, answers: no such table. */
const NO_TABLE = '42P01';

async function askLedger(pool: Pool, ms: number): Promise<{ readonly postgres: boolean; readonly pending: readonly string[] }> {
  const answer = pendingMigrations(pool).then(
    (pending) => ({ postgres: true, pending }),
    (error: unknown) => ((error as { code?: unknown }).code === NO_TABLE ? { postgres: true, pending: ['its tables'] } : { postgres: false, pending: [] }),
  );
  return within(answer, { postgres: false, pending: [] }, ms);
}

/** The answer, or another one when it does not come in time. */
async function within<T>(answer: Promise<T>, otherwise: T, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => { timer = setTimeout(resolve, ms, otherwise); });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
