import type { BatchDocument, RunDocument, RunSummary } from '../../ledger/index.js';
import { formatDuration, formatNumber, pairs, table } from '../output/index.js';
import type { Cell, Colors } from '../output/index.js';
import { mappingLine } from './mapping.js';
import { verificationView } from './verification.js';

const LAST_BATCHES = 20;

/** A run's books for a person. */
export function runView(run: RunDocument, colors: Colors): string {
  const { counts, calls } = run;
  const parts = [
    `${colors.bold(run.run)}  ${run.sync}  ${run.kind}  ${statusOf(run, colors)}  ${tookOf(run)}${run.attached ? '  (attached: it was already under way)' : ''}`,
    table(
      ['extracted', 'invalid', 'filtered', 'unchanged', 'superseded', 'suppressed', 'queued'],
      [[counts.extracted, counts.invalid, counts.filtered, counts.unchanged, counts.superseded, counts.suppressed, counts.queued]],
      { colors },
    ),
    table(
      ['queued', 'delivered', 'rejected', 'overtaken', 'waiting', 'in flight'],
      [[counts.queued, counts.delivered, counts.rejected, counts.overtaken, counts.waiting, counts.inFlight]],
      { colors },
    ),
    pairs([
      ['calls', callsOf(calls)],
      ...(run.backfill === null ? [] : ([['window', windowOf(run.backfill)]] as const)),
      ['cursor', `${run.cursor.from ?? 'the beginning'} → ${run.cursor.to ?? 'not moved'}`],
      ...(counts.stillRejected > 0 ? ([['still rejected', `${formatNumber(counts.stillRejected)} unchanged rows would be refused again`]] as const) : []),
      ...(run.lane.state === 'idle' || run.lane.state === 'sending' ? [] : ([['lane', `${run.lane.state}: ${run.lane.reason ?? ''}`]] as const)),
      ...(run.prunedAt === null ? [] : ([['pruned', `its rows and calls were removed ${run.prunedAt}; the counts are kept`]] as const)),
      ['workflow', run.workflowId],
    ]),
    ...tallies('warning', run.warnings, colors),
    ...run.notices.map((notice) => `${colors.yellow('notice:')} ${notice}`),
    ...mappingLine(run.sync, run.mapping, colors),
    ...(run.verification === null ? [] : [verificationView(run.verification, colors)]),
    ...(run.error === null ? [] : [`${colors.red('failed:')} ${run.error}`]),
    ...nextOf(run),
  ];
  return parts.join('\n\n');
}

const windowOf = ({ from, to, paused }: NonNullable<RunDocument['backfill']>): string =>
  `${from === null && to === null ? 'everything' : `${from ?? 'the beginning'} → ${to ?? 'now'}`}${paused ? '; paused' : ''}`;

/** Counts by reason as a table; nothing where there are none. */
export function tallies(heading: string, counts: Readonly<Record<string, number>>, colors: Colors): readonly string[] {
  const rows = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  return rows.length === 0 ? [] : [table([heading, 'rows'], rows, { colors })];
}

/** The last batches of a run for a person. */
export function batchesView(batches: readonly BatchDocument[], total: number, colors: Colors): string {
  const shown = batches.slice(-LAST_BATCHES);
  const rows = shown.map((batch): readonly Cell[] => [
    batch.batch, batch.rows, batch.ofThisRun, batch.delivered, batch.rejected, batch.status, batch.httpStatus, batch.attempts,
    batch.startedAt, batch.durationMs === null ? null : formatDuration(batch.durationMs), batch.message,
  ]);
  const head = table(['batch', 'rows', 'of this run', 'delivered', 'rejected', 'status', 'http', 'attempt', 'started', 'took', 'answer'], rows, { colors, widest: 60 });
  const more = total > shown.length ? [`the last ${String(shown.length)} of ${formatNumber(total)}; --json has up to a thousand`] : [];
  return [head, ...more, ...remarks(batches, colors)].join('\n');
}

/** What the platform said of whole calls, each thing once. */
function remarks(batches: readonly BatchDocument[], colors: Colors): readonly string[] {
  const calls = new Map<string, number>();
  for (const { notes } of batches) for (const note of notes) calls.set(note, (calls.get(note) ?? 0) + 1);
  return [...calls].map(([note, count]) => `${colors.yellow('notice:')} ${note} (${count === 1 ? 'one call' : `${formatNumber(count)} calls`})`);
}

/** Runs as a table, one a line. */
export function runsView(runs: readonly RunSummary[], colors: Colors): string {
  if (runs.length === 0) return 'no runs yet: syncline run SYNC starts one';
  const rows = runs.map(({ run, sync, kind, status, startedAt, counts, calls, ...rest }): readonly Cell[] => [
    run, sync, kind, status, startedAt, tookOf({ startedAt, endedAt: rest.endedAt }), counts.extracted, counts.queued, counts.delivered,
    counts.rejected + counts.invalid, counts.waiting + counts.inFlight, calls.total,
  ]);
  return table(['run', 'sync', 'kind', 'status', 'started', 'took', 'extracted', 'queued', 'delivered', 'rejected or invalid', 'open', 'calls'], rows, { colors });
}

function statusOf({ status }: RunDocument, colors: Colors): string {
  const words = status.replaceAll('_', ' ');
  if (status === 'completed') return colors.green(words);
  return status === 'failed' || status === 'cancelled' ? colors.red(words) : colors.yellow(words);
}

function tookOf({ startedAt, endedAt }: Pick<RunDocument, 'startedAt' | 'endedAt'>): string {
  return endedAt === null ? 'open' : formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
}

function callsOf({ total, succeeded, rateLimited, retried, unknownSettled }: RunDocument['calls']): string {
  const parts = [`${formatNumber(succeeded)} succeeded`];
  if (rateLimited > 0) parts.push(`${formatNumber(rateLimited)} rate limited`);
  if (retried > 0) parts.push(`${formatNumber(retried)} sent again`);
  if (unknownSettled > 0) parts.push(`${formatNumber(unknownSettled)} without an answer, settled`);
  return total === 0 ? 'none' : `${formatNumber(total)} (${parts.join(', ')})`;
}

/** The next useful command. */
function nextOf({ counts, sync, run, status, verification, backfill }: RunDocument): readonly string[] {
  if (counts.rejected + counts.invalid + counts.stillRejected > 0) return [`next: syncline failures ${sync}`];
  if (verification?.verdict === 'fail') return [`next: syncline verify ${sync}`];
  if (backfill?.paused === true) return [`next: syncline backfill resume ${run}`];
  return status === 'running' || status === 'delivering' ? [`next: syncline runs show ${run}`] : [];
}
