import type { Config, DestinationConfig, Limits } from '../config/index.js';
import { buildPage, type BuiltPage } from '../extraction/index.js';
import { Comparison, findSync, isRemapped, isUnusual, knownContacts, laneDocument, type ComparedDepartures, type InvalidRow, type LaneDocument, type MappingDocument, type Pool } from '../ledger/index.js';
import { opening, throughWindow, windowAt } from '../lanes/index.js';
import type { SourcePage } from '../sources/index.js';
import { configurationOf } from './configuration.js';
import type { Wired } from './connectors.js';

/** Invalid rows that are named one by one. */
const EXAMPLES = 100;

/** What a run would do; nothing of it is stored, nothing sent. */
export interface PlanDocument {
  readonly sync: string;
  readonly kind: 'incremental' | 'full';
  /**
   * Of `extracted` rows: creates + updates are sent, each contact once; `optOuts` is part of them, `stillRejected`
   * of `unchanged`; `owned` keys belong to another sync of the destination.
   */
  readonly counts: {
    readonly extracted: number;
    readonly creates: number;
    readonly updates: number;
    readonly optOuts: number;
    readonly unchanged: number;
    readonly stillRejected: number;
    readonly overtaken: number;
    readonly owned: number;
    /** Contacts the platform takes for another one. */
    readonly duplicates: number;
    /** Contacts whose mobile or e-mail changed while their id at the platform is not known. */
    readonly held: number;
    /** Contacts of which nothing is left to send: they took back what the source grants, or were erased. */
    readonly suppressed: number;
    readonly filtered: number;
    readonly superseded: number;
    readonly invalid: number;
  };
  readonly warnings: Readonly<Record<string, number>>;
  /** Reason → rows. */
  readonly invalid: Readonly<Record<string, number>>;
  /** The first hundred of them. */
  readonly invalidRows: readonly InvalidRow[];
  /** Bulk calls needed. */
  readonly calls: number;
  /**
   * The same by what a call carries: where a platform's own opt-outs are to stand, updates without a change of consent go
   * in calls of their own, without it; changes of key too.
   */
  readonly kinds: readonly { readonly consent: boolean; readonly renames: boolean; readonly rows: number; readonly calls: number }[];
  /** Seconds until the last of them may leave, at the account's limit and within the destination's delivery window. */
  readonly seconds: number;
  /**
   * Contacts that are gone from the source and would be taken out of the destination after everything else, in `calls`
   * of their own; `stops`: not without --allow-deletes. null: only a full reading tells, and only for onDelete.
   */
  readonly gone: { readonly contacts: number; readonly held: number; readonly calls: number; readonly stops: boolean } | null;
  /**
   * Of `known` contacts those that would be opted in, and changed other than by an opt-out; `stops`: a run holds them
   * back until somebody says `--allow-mass-change`.
   */
  readonly guard: { readonly known: number; readonly optIns: number; readonly changes: number; readonly stops: boolean };
  readonly cursor: { readonly from: string | null; readonly to: string | null };
  /** null: the account has never been used. */
  readonly lane: LaneDocument | null;
  readonly notices: readonly string[];
  /** What the configuration that changed since contacts were sent under it touches; null: it did not change. */
  readonly mapping: MappingDocument | null;
}

export interface PlanRequest {
  readonly pool: Pool;
  readonly config: Config;
  readonly wired: Wired;
  readonly full: boolean;
  readonly signal: AbortSignal;
  /** After each page: rows read so far. */
  readonly onRead: (rows: number) => void;
}

/**
 * What a run would do, and what a configuration that changed would touch: that takes a second, full reading.
 * @throws SourceError
 */
export async function planSync(request: PlanRequest): Promise<PlanDocument> {
  const { pool, config, wired: { sync, destinationConfig: { account } } } = request;
  const { syncId } = await findSync(pool, { sync: sync.name, destination: sync.destination, account });
  const changed = syncId !== null && (await isRemapped(pool, syncId, configurationOf(config, sync.name).mappingHash));
  const document = await compareSource(request, changed && !request.full, true);
  if (!changed) return { ...document, mapping: null };
  return { ...document, mapping: request.full ? touchedBy(document) : await countRemapped(request) };
}

/**
 * Counts what a full run would send, and stores nothing: after a change of the configuration the contacts that come out
 * different by it.
 * @throws SourceError
 */
export async function countRemapped(request: Omit<PlanRequest, 'full' | 'config'>): Promise<MappingDocument> {
  return touchedBy(await compareSource({ ...request, full: true }, false));
}

const touchedBy = ({ counts: { creates, updates }, calls, seconds }: Omit<PlanDocument, 'mapping'>): MappingDocument => ({ changed: true, contacts: creates + updates, calls, seconds });

/**
 * Reads the source as a run would, compares every row with the ledger, and says what would follow.
 * @throws SourceError
 */
async function compareSource({ pool, wired, full, signal, onRead }: Omit<PlanRequest, 'config'>, remapped: boolean, departures = false): Promise<Omit<PlanDocument, 'mapping'>> {
  const { sync, source, rules, destinationConfig, destination: { capabilities } } = wired;
  const kind = full ? 'full' : 'incremental';
  const known = await findSync(pool, { sync: sync.name, destination: sync.destination, account: destinationConfig.account });
  const sums = { extracted: 0, unchanged: 0, stillRejected: 0, overtaken: 0, owned: 0, duplicates: 0, held: 0, suppressed: 0, filtered: 0, superseded: 0, invalid: 0 };
  const warnings: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  const invalidRows: InvalidRow[] = [];
  const sizeOf = (renames: boolean): number => Math.min(destinationConfig.batchSize, renames ? (capabilities.maxRenameBatchSize ?? Infinity) : Infinity);
  const comparison = await Comparison.open(pool, { syncId: known.syncId, destinationId: known.destinationId, resend: false, remapped, ways: capabilities });
  try {
    const plan = await source.begin({ kind, state: known.state }, signal);
    const infers = departures && plan.kind === 'full' && rules.onDelete !== 'ignore';
    for await (const page of source.pages(plan, null, signal)) {
      const built = buildPage(page, rules);
      const compared = await comparison.page(built.rows);
      if (infers) await comparison.meet(keysStillThere(page, built));
      const invalid = [...built.invalid, ...compared.invalid];
      for (const [reason, count] of Object.entries(built.warnings)) warnings[reason] = (warnings[reason] ?? 0) + count;
      for (const { reason } of invalid) reasons[reason] = (reasons[reason] ?? 0) + 1;
      invalidRows.push(...invalid.slice(0, EXAMPLES - invalidRows.length));
      sums.extracted += built.extracted;
      sums.unchanged += compared.unchanged;
      sums.stillRejected += compared.stillRejected;
      sums.overtaken += compared.overtaken;
      sums.owned += compared.owned;
      sums.duplicates += compared.duplicates;
      sums.held += compared.held;
      sums.suppressed += compared.suppressed;
      for (const { reason, count } of compared.withheld) warnings[reason] = (warnings[reason] ?? 0) + count;
      sums.filtered += built.filtered + compared.filtered;
      sums.superseded += built.superseded;
      sums.invalid += invalid.length;
      onRead(sums.extracted);
      if (page.last) break;
    }
    const { creates, updates, optOuts, optIns, changes, kinds: grouped } = await comparison.totals();
    const held = known.destinationId === null || known.syncId === null ? 0 : await knownContacts(pool, known.destinationId, known.syncId);
    const kinds = grouped.map(({ form, rows }) => ({ consent: form.consent, renames: form.renames, rows, calls: Math.ceil(rows / sizeOf(form.renames)) }));
    const calls = kinds.reduce((sum, kind) => sum + kind.calls, 0);
    return {
      sync: sync.name, kind,
      counts: { ...sums, creates, updates, optOuts },
      warnings, invalid: reasons, invalidRows, calls, kinds,
      seconds: windowed(secondsFor(calls, destinationConfig.limits), destinationConfig.window),
      gone: infers ? goneFrom(await comparison.departures(), sizeOf(false), rules.onDelete === 'erase' ? capabilities.maxEraseBatchSize : undefined) : null,
      guard: { known: held, optIns, changes, stops: rules.guard !== undefined && isUnusual({ optIns, changes }, held, rules.guard) },
      cursor: { from: known.state?.cursor ?? null, to: plan.to },
      lane: known.accountId === null ? null : await laneDocument(pool, known.accountId),
      notices: [...plan.warnings, ...(capabilities.notices ?? []), ...shutNow(destinationConfig)],
    };
  } finally {
    comparison.close();
  }
}

/** Seconds that so many within a delivery window take from now on. */
export const windowed = (seconds: number, window: DestinationConfig['window']): number =>
  (window === undefined || seconds === 0 && windowAt(window, Date.now()).open ? seconds : Math.round(throughWindow(window, Date.now(), Math.max(seconds, 1) * 1000) / 100) / 10);

function shutNow({ name, window }: DestinationConfig): readonly string[] {
  const state = window && windowAt(window, Date.now());
  if (window === undefined || state === undefined || state.open) return [];
  return [`the delivery window of ${name} opens at ${opening(window, Date.now() + state.opensInMs)}: until then only opt-outs and erasures are sent`];
}

/** Keys of a page's rows but those the source marks as deleted. */
function keysStillThere(page: SourcePage, built: BuiltPage): readonly string[] {
  const departed = new Set(built.rows.filter((row) => row.departed === true).map((row) => row.key));
  return page.rows.flatMap(({ key }) => (key === null || departed.has(key) ? [] : [key]));
}

const goneFrom = (gone: ComparedDepartures, size: number, eraseSize = size): NonNullable<PlanDocument['gone']> =>
  ({ ...gone, calls: Math.ceil(gone.contacts / Math.min(size, eraseSize)) });

/**
 * Seconds until the last of so many calls may leave: spread evenly over the window, the first few at once,
 * and never more than the limit's calls in one window.
 */
export function secondsFor(calls: number, limits: Pick<Limits, 'calls' | 'per' | 'concurrency'>): number {
  if (calls === 0) return 0;
  const even = Math.max(0, calls - 1 - limits.concurrency) * (limits.per / limits.calls);
  const windows = Math.floor((calls - 1) / limits.calls) * limits.per;
  return Math.round(Math.max(even, windows) / 100) / 10;
}
