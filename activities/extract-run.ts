import { ApplicationFailure, Context } from '@temporalio/activity';
import { configurationOf, wakeLane, wakeWaiting } from '../src/control/index.js';
import { extract, type ExtractOptions } from '../src/extraction/index.js';
import { findRun, isRemapped, MassChange, noteTrouble, RunStopped, TooManyGone, type RunRow } from '../src/ledger/index.js';
import { SourceError } from '../src/sources/index.js';
import type { Dependencies } from './dependencies.js';
import { seenActivity } from './observe.js';
import type { Activities, ExtractReport } from './types.js';

/** Between two wakes of the lane. Milliseconds. */
const WAKE_MS = 2_000;

/** Reads a run on for some twenty seconds; wakes the lane after the first page that queued something. */
export function extractRun(dependencies: Dependencies): Activities['extractRun'] {
  const { extractBudgetMs = 20_000 } = dependencies;
  return ({ run }) => readOn(dependencies, run, { budgetMs: extractBudgetMs });
}

/** Reads a run on within bounds. @throws ApplicationFailure in words, where the source cannot be read */
export async function readOn(dependencies: Dependencies, id: string, bounds: Pick<ExtractOptions, 'budgetMs' | 'most'>): Promise<ExtractReport> {
  const { pool, config, connectors, temporal, stopping } = dependencies;
  const run = await findRun(pool, id);
  if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${id} in the ledger`, 'UnknownRun');
  if (!run.extracting) return { done: true, cancelled: run.status === 'cancelled' };
  const context = Context.current();
  const current = config.current();
  const { source, rules } = connectors.wire(current, run.sync);
  let waking: Promise<void> | undefined;
  let wokenAt = -Infinity;
  const pages: { at: number; extracted: number; queued: number }[] = [];
  const startedAt = Date.now();
  const tell = (error: unknown): void => {
    dependencies.observer?.read({ run: id, sync: run.sync, activity: seenActivity(), pages, error: error instanceof Error ? error.name : null, startedAt, tookMs: Date.now() - startedAt });
  };
  try {
    const remapped = run.options.kind === 'incremental' && run.options.resend !== true && (await isRemapped(pool, run.syncId, configurationOf(current, run.sync).mappingHash));
    const { done } = await heartbeating(context, () =>
      extract({
        pool, source, rules, run, remapped, ...bounds, signal: AbortSignal.any([context.cancellationSignal, stopping]),
        onPage: ({ extracted, queued }) => {
          context.heartbeat({ extracted });
          pages.push({ at: Date.now(), extracted, queued });
          // The lane starts while this run still reads, and again if it went away meanwhile. A wake that fails is made
          // up for by the sweep.
          if (queued > 0 && performance.now() - wokenAt > WAKE_MS) {
            wokenAt = performance.now();
            waking = wakeLane(temporal, run.account).catch(() => undefined);
          }
        },
      }));
    await waking;
    // Whoever is gone from the source is queued after the last page; and a lane may have held until this was read.
    if (done && (rules.onDelete !== 'ignore' || run.options.kind === 'full')) await wakeWaiting(pool, temporal, run.account).catch(() => undefined);
    await noteTrouble(pool, id, null);
    tell(null);
    return { done, cancelled: false };
  } catch (error) {
    tell(error);
    return stopped(error, dependencies, run);
  }
}

/** Beats beside the work, so that a long query is not taken for a dead worker. */
async function heartbeating<T>(context: Context, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => { context.heartbeat(); }, 1_500);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

async function stopped(error: unknown, { pool, stopping, observer }: Dependencies, run: RunRow): Promise<ExtractReport> {
  if (error instanceof RunStopped) {
    const now = await findRun(pool, run.id);
    if (now?.extracting !== true) return { done: true, cancelled: now?.status === 'cancelled' };
    // Another attempt of this activity staged the page: go on from where the run stands.
    return { done: false, cancelled: false };
  }
  if (stopping.aborted) return { done: false, cancelled: false };
  if (error instanceof TooManyGone) {
    throw ApplicationFailure.nonRetryable(
      `${error.message} (look at the source; if they are really gone: syncline run ${run.sync}${run.options.kind === 'full' ? ' --full' : ''} --allow-deletes)`, 'TooManyGone');
  }
  if (error instanceof MassChange) {
    const command = run.options.kind === 'backfill' ? `backfill ${run.sync}` : `run ${run.sync}${run.options.kind === 'full' ? ' --full' : ''}`;
    throw ApplicationFailure.nonRetryable(`${error.message} (look at the source; if it is meant: syncline ${command} --allow-mass-change)`, 'MassChange');
  }
  if (error instanceof SourceError) {
    const words = error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
    if (error.kind === 'misconfigured') throw ApplicationFailure.nonRetryable(words, 'SourceMisconfigured');
    await noteTrouble(pool, run.id, words);
    observer?.troubled({ run: run.id, sync: run.sync, step: 'source', reason: words });
    throw ApplicationFailure.retryable(words, 'SourceUnreachable');
  }
  throw error;
}
