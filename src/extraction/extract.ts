import { beginStaging, endExtraction, extractedBefore, hasRises, judgeRun, listsKeyless, removeDeparted, resolveKeyless, stageRises, storePlan, type GuardLimits, type Pool, type RunRow } from '../ledger/index.js';
import { later } from '../contacts/index.js';
import type { Json } from '../contacts/index.js';
import type { ReadPlan, ReadRequest, Source } from '../sources/index.js';
import { buildPage, type Rules } from './page.js';

/** Priorities in the outbox; opt-outs and erasures are 0 whatever their run. */
const PRIORITY = { incremental: 1, full: 1, only: 1, repair: 1, retry: 2, backfill: 3, optOut: 0, erase: 0 } as const;

export interface ExtractOptions {
  readonly pool: Pool;
  readonly source: Source;
  readonly rules: Rules;
  readonly run: RunRow;
  /** The mapping changed since contacts were sent under it: what differs by that alone is not sent. */
  readonly remapped?: boolean;
  /** Milliseconds to read for before handing over. */
  readonly budgetMs: number;
  /** Rows to queue before handing over, give or take the pages on their way. @default no bound */
  readonly most?: number;
  readonly signal: AbortSignal;
  /** After each staged page: rows read so far here, whether anything was queued. */
  readonly onPage: (progress: { readonly extracted: number; readonly queued: number }) => void;
}

export interface Extracted {
  /** Everything the plan covers is staged and the cursor stored. */
  readonly done: boolean;
  readonly extracted: number;
  readonly queued: number;
}

/**
 * Reads a run on from where it stands and stages page after page; the next page is read while one is staged.
 * Ends after the last page, after `budgetMs`, when `most` rows are queued, or when `signal` aborts; whatever is staged stays staged.
 *
 * @throws SourceError from the source, RunStopped when the run was stopped, TooManyGone, MassChange
 */
export async function extract(options: ExtractOptions): Promise<Extracted> {
  const { pool, source, run, signal } = options;
  const plan = run.plan ?? (await decidePlan(options));
  const endsAt = performance.now() + options.budgetMs;
  const limit = run.options.limit === undefined ? undefined : Math.max(run.options.limit - (await extractedBefore(pool, run.no)), 0);
  const guard = guardOf(options);
  let { maxTime } = run;
  let pageNo = run.pages;
  let extracted = 0;
  let queued = 0;
  let last = false;
  let { position } = run;
  let ahead: Promise<unknown> = Promise.resolve();
  try {
    for await (const page of source.pages(plan, run.position, signal)) {
      const room = limit === undefined ? Infinity : limit - extracted;
      const rows = page.rows.length > room ? page.rows.slice(0, room) : page.rows;
      const built = buildPage({ ...page, rows }, options.rules);
      if (built.maxTime !== null) maxTime = maxTime === null ? built.maxTime : later(maxTime, built.maxTime);
      pageNo += 1;
      position = page.position;
      extracted += rows.length;
      const staging = beginStaging(pool, {
        runNo: run.no, syncId: run.syncId, destinationId: run.destinationId, pageNo, position: page.position,
        priority: PRIORITY[run.options.kind], resend: run.options.resend === true,
        repair: run.options.kind === 'repair', remapped: options.remapped === true, ways: options.rules.destination.capabilities, ...built, maxTime,
        ...(guard && { guard }),
        ...(infers(options, plan) && { met: rows.flatMap(({ key }) => (key === null ? [] : [key])) }),
      }, ahead);
      const read = extracted;
      const staged = staging.done.then((result) => {
        queued += result.queued;
        options.onPage({ extracted: read, queued: result.queued });
      });
      // A failed staging is met at an `await ahead`, also when that of the page before it ends the loop first; until
      // then, or for ever, it must not count as unhandled: that would end the worker.
      staged.catch(() => undefined);
      // Two pages at most are on their way: one being compared, one waiting for it.
      await ahead;
      await staging.copied;
      ahead = staged;
      last = page.last || extracted >= (limit ?? Infinity);
      if (last || signal.aborted || performance.now() > endsAt || queued >= (options.most ?? Infinity)) break;
    }
  } finally {
    await ahead;
  }
  if (last) queued += await finish(options, plan, { maxTime, position, pageNo, extracted });
  return { done: last, extracted, queued };
}

async function decidePlan({ pool, source, run, signal }: ExtractOptions): Promise<ReadPlan> {
  const { kind, only, from, to } = run.options;
  const request: ReadRequest = {
    kind: kind === 'only' || (only !== undefined && only.length > 0) ? 'only' : kind === 'backfill' ? backfillReads(run.options) : kind === 'incremental' ? 'incremental' : 'full',
    state: run.state,
    ...(only === undefined ? {} : { keys: only }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const plan = await source.begin(request, signal);
  return storePlan(pool, run.no, plan, await source.count(plan, signal));
}

/** What a backfill reads: without a bound everything, rows without a time too. */
export const backfillReads = ({ from, to }: Pick<RunRow['options'], 'from' | 'to'>): 'window' | 'full' => (from === undefined && to === undefined ? 'full' : 'window');

/** Whether everything is read, so that whoever was not met is gone from the source. */
function infers({ run, rules }: ExtractOptions, plan: ReadPlan): boolean {
  return rules.onDelete !== 'ignore' && plan.kind === 'full' && run.options.kind !== 'backfill' && run.options.limit === undefined;
}

/**
 * What the run may do without asking. A backfill is for sending what differs, so its changes are not judged; who names
 * contacts, or wants everything sent, has asked for that.
 */
function guardOf({ run: { options: { kind, resend, allowMassChange } }, rules: { guard } }: ExtractOptions): GuardLimits | undefined {
  if (guard === undefined || resend === true || allowMassChange === true || !['incremental', 'full', 'backfill'].includes(kind)) return undefined;
  return kind === 'backfill' ? { ...guard, changes: null } : guard;
}

/** Moves the cursor, unless the run reads only a part (chosen keys, a window, up to a limit) or is a backfill: that leaves it to the runs beside it. */
async function finish(options: ExtractOptions, plan: ReadPlan, read: { readonly maxTime: string | null; readonly position: Json; readonly pageNo: number; readonly extracted: number }): Promise<number> {
  const { pool, source, run, rules: { onDelete }, signal } = options;
  const { maxTime, position } = read;
  if (onDelete !== 'ignore') {
    const { no, syncId, destinationId } = run;
    await removeDeparted(pool, { runNo: no, syncId, destinationId, onDelete, inferred: infers(options, plan), allowed: run.options.allowDeletes === true });
  }
  const guard = guardOf(options);
  if (guard !== undefined) await judgeRun(pool, run.no, guard);
  const released = await release(options, read);
  const whole = (plan.kind === 'incremental' || plan.kind === 'full') && run.options.kind !== 'backfill' && run.options.limit === undefined;
  const state = whole ? await source.finish(plan, run.state, maxTime, signal, position) : null;
  await endExtraction(pool, run.no, state, plan.to);
  if (state !== null && plan.kind === 'incremental' && plan.whole !== true) await countKeyless(options);
  return released;
}

/** Rows without a key that were mended come back under one: only their number tells. One that cannot be had now is had after the next run. */
async function countKeyless({ pool, source, run, signal }: ExtractOptions): Promise<void> {
  if (source.keyless === undefined || !(await listsKeyless(pool, run))) return;
  const still = await source.keyless(signal).catch(() => undefined);
  if (still !== undefined) await resolveKeyless(pool, run, still);
}

/** Stages the contacts that were put aside: the run has been judged. Goes on where it was interrupted. @returns rows queued */
async function release({ pool, run, rules, onPage }: ExtractOptions, read: { readonly maxTime: string | null; readonly position: Json; readonly pageNo: number; readonly extracted: number }): Promise<number> {
  let queued = 0;
  for (let pageNo = read.pageNo + 1; await hasRises(pool, run.no); pageNo += 1) {
    const staged = await stageRises(pool, {
      runNo: run.no, syncId: run.syncId, destinationId: run.destinationId, pageNo, position: read.position, maxTime: read.maxTime,
      priority: PRIORITY[run.options.kind], resend: false, ways: rules.destination.capabilities,
    });
    queued += staged.queued;
    onPage({ extracted: read.extracted, queued: staged.queued });
  }
  return queued;
}
