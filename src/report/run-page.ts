import { formatDuration, formatNumber } from '../format/index.js';
import type { CallFacts, Counts, FailureCount, LaneWait, RunDocument, RunStatus } from '../ledger/index.js';
import { audience } from './audience.js';
import { spanOf, type Span } from './bins.js';
import { html, type Markup, type Part } from './markup.js';
import { paceChart, type PaceLimits } from './pace.js';
import { badge, countsTable, facts, pageOf, paragraphs, section, type Made } from './page.js';
import { callsChart } from './timeline.js';
import { howOf, moment } from './words.js';

/** What a run's page is made of. */
export interface RunReport {
  readonly made: Made;
  readonly run: RunDocument;
  /** The bulk calls of the run's account from a window before the run began until it ended, oldest first. */
  readonly calls: readonly CallFacts[];
  /** Older calls than those were left out. */
  readonly cut: boolean;
  readonly waits: readonly LaneWait[];
  readonly failures: readonly FailureCount[];
  /** null: the sync is not in the configuration any more. */
  readonly limits: PaceLimits | null;
}

/** Parts of the time that are drawn. */
const PARTS = 120;

/** A run as a page that stands by itself: its books, its calls over time, its pace, what it waited for. */
export function runPage(report: RunReport): string {
  const { run, calls, failures, waits, limits, cut } = report;
  const own = calls.filter(({ ofRun }) => ofRun !== null);
  const span = timeOf(report, own);
  return pageOf(`${run.sync}: run ${run.run}`, report.made, html`<header><h1>${run.sync} ${statusBadge(run.status)}</h1>
<p class="under">run ${run.run}, ${run.kind}; ${moment(run.startedAt)}${run.endedAt === null ? ', open' : html` to ${moment(run.endedAt)}, ${formatDuration(Date.parse(run.endedAt) - Date.parse(run.startedAt))}`}</p></header>
${paragraphs('bad', run.error === null ? [] : [`It failed: ${run.error}`])}${paragraphs('mid', run.notices)}
${section('Every row is accounted for', books(run.counts))}${section('The run', factsOf(run))}
${run.verification === null ? null : section(`The audience: ${run.verification.verdict} (${howOf(run.verification)}, ${moment(run.verification.at)})`, audience(run.verification))}
${section('Calls over time', own.length === 0 ? html`<p>It made no bulk call.</p>` : html`${callsChart(span, own)}${cut ? html`<p class="under">The newest calls only; there were more.</p>` : null}`)}
${section('Pace, and where it waited', paceChart(span, calls, limits, waits))}
${section('Not delivered', countsTable(['code', 'rows'], failures.map(({ code, reason, count }) => [reason === null ? code : `${code}: ${reason}`, count])))}
${section('Warnings', countsTable(['warning', 'rows'], Object.entries(run.warnings).sort(([, a], [, b]) => b - a)))}`);
}

/** From the run's beginning to its end, or to its last call's. */
function timeOf({ run, made }: RunReport, calls: readonly CallFacts[]): Span {
  const from = Date.parse(run.startedAt);
  const last = calls.reduce((latest, { startedAt, durationMs }) => Math.max(latest, startedAt + (durationMs ?? 0)), from);
  const end = run.endedAt === null ? Date.parse(made.at) : Date.parse(run.endedAt);
  return spanOf(from, Math.max(last, end), PARTS);
}

const KINDS: Readonly<Record<RunStatus, 'good' | 'bad' | 'mid'>> = { completed: 'good', completed_with_rejects: 'mid', running: 'mid', delivering: 'mid', failed: 'bad', cancelled: 'bad' };
const statusBadge = (status: RunStatus): Markup => badge(KINDS[status], status.replaceAll('_', ' '));

/** Both sums of promise 1. */
function books(counts: Counts): Markup {
  const { extracted, invalid, filtered, unchanged, superseded, suppressed, queued, delivered, rejected, overtaken, waiting, inFlight, stillRejected } = counts;
  return html`${sum(['extracted', extracted], [['invalid', invalid], ['filtered', filtered], ['unchanged', unchanged], ['superseded', superseded], ['suppressed', suppressed], ['queued', queued]])}
${sum(['queued', queued], [['delivered', delivered], ['rejected', rejected], ['overtaken', overtaken], ['waiting', waiting], ['in flight', inFlight]])}
${stillRejected > 0 ? html`<p class="under">${formatNumber(stillRejected)} of the unchanged rows would be refused again.</p>` : null}`;
}

type Term = readonly [string, number];

function sum(left: Term, right: readonly Term[]): Markup {
  const total = right.reduce((sofar, [, value]) => sofar + value, 0);
  const term = ([name, value]: Term): Markup => html`<div class="${value === 0 ? 'none' : 'some'}"><b>${formatNumber(value)}</b><span>${name}</span></div>`;
  const parts = right.flatMap((one, i): Part[] => [i === 0 ? html`<i>=</i>` : html`<i>+</i>`, term(one)]);
  return html`<div class="sum">${term(left)}${parts}<i>${total === left[1] ? html`<span class="good">✓ adds up</span>` : html`<span class="bad">✗ makes ${formatNumber(total)}</span>`}</i></div>`;
}

function factsOf(run: RunDocument): Markup {
  const { calls, cursor, lane, backfill, mapping } = run;
  return facts([
    ['calls', `${formatNumber(calls.total)}: ${formatNumber(calls.succeeded)} succeeded, ${formatNumber(calls.rateLimited)} rate limited, ${formatNumber(calls.retried)} sent again, ${formatNumber(calls.unknownSettled)} without an answer and settled`],
    ['cursor', `${cursor.from ?? 'the beginning'} → ${cursor.to ?? 'not moved'}`],
    ...(backfill === null ? [] : [['window', `${backfill.from ?? 'the beginning'} → ${backfill.to ?? 'now'}${backfill.paused ? ', paused' : ''}`] as const]),
    ...(mapping === null ? [] : [['changed configuration', mapping.contacts === null ? 'not counted what it touches' : `touches ${formatNumber(mapping.contacts)} contacts`] as const]),
    ['account', lane.account], ['lane', `${lane.state.replaceAll('_', ' ')}${lane.reason === null ? '' : `: ${lane.reason}`}`], ['workflow', run.workflowId],
  ]);
}
