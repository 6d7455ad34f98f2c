import { formatDuration, formatNumber } from '../format/index.js';
import type { CallFacts } from '../ledger/index.js';
import { binned, type Span } from './bins.js';
import { AXIS, ceiling, clock, heightAxis, LEFT, short, svg, timeAxis, xOf } from './chart.js';
import { html, type Markup } from './markup.js';
import { classOf, OUTCOMES, type OutcomeClass } from './outcomes.js';
import { windowOf } from './words.js';

/** Calls that are drawn one by one; more are drawn by parts of the time. */
const SINGLE = 160;
/** Calls beside one another that are drawn one by one. */
const TRACKS = 8;
/** A track's height: one alone has more room. */
const trackOf = (tracks: number): number => (tracks <= 2 ? 44 : 26);
const PLOT = 96;
const GAP = 34;

/** Where a call that is not answered is drawn to end: the end of the time. */
const endOf = ({ startedAt, durationMs }: CallFacts, span: Span): number => (durationMs === null ? span.to : startedAt + durationMs);

/** The calls of a run over its time: when each began, how long it took, its rows, how it ended. */
export function callsChart(span: Span, calls: readonly CallFacts[]): Markup {
  const tracks = calls.length <= SINGLE ? packed(span, calls) : null;
  return html`<figure>${tracks === null ? partsChart(span, calls) : tracksChart(span, tracks)}
<figcaption>${tracks === null
    ? `Parts of ${windowOf(span.step)}, each call in the one in which it began; times are UTC.`
    : 'A bar a call, from its start to its answer, the higher the more rows it held; bars beside one another ran at the same time; times are UTC.'}</figcaption></figure>
${legend(calls)}`;
}

/** Lays calls out so that none covers another; null: too many ran at once for that to be read. */
function packed(span: Span, calls: readonly CallFacts[]): readonly (readonly CallFacts[])[] | null {
  const tracks: CallFacts[][] = [];
  for (const call of calls) {
    const free = tracks.find((track) => endOf(track.at(-1) as CallFacts, span) <= call.startedAt);
    if (free !== undefined) free.push(call);
    else if (tracks.length === TRACKS) return null;
    else tracks.push([call]);
  }
  return tracks;
}

function tracksChart(span: Span, tracks: readonly (readonly CallFacts[])[]): Markup {
  const x = xOf(span);
  const track = trackOf(tracks.length);
  const height = tracks.length * track;
  const most = Math.max(1, ...tracks.flat().map(({ rows }) => rows));
  const bars = tracks.flatMap((calls, n) => calls.map((call) => {
    const tall = Math.max(3, (call.rows / most) * (track - 4));
    const width = Math.max(2, x(endOf(call, span)) - x(call.startedAt));
    return html`<rect class="o-${classOf(call)}" x="${short(x(call.startedAt))}" y="${short(8 + (n + 1) * track - tall)}" width="${short(width)}" height="${short(tall)}"><title>${words(call)}</title></rect>`;
  }));
  return svg(8 + height + AXIS, `${tracks.flat().length} calls over time`, [timeAxis(span, 8, height), ...bars]);
}

function words(call: CallFacts): string {
  const { startedAt, durationMs, rows, ofRun } = call;
  const own = ofRun !== null && ofRun.rows < rows ? ` (${formatNumber(ofRun.rows)} of this run)` : '';
  return `${clock(startedAt, 100)}: ${formatNumber(rows)} rows${own}, ${durationMs === null ? 'not answered yet' : formatDuration(durationMs)}, ${OUTCOMES[classOf(call)]}`;
}

/** Three plots over one axis: calls by how they ended, rows, and how long calls took. */
function partsChart(span: Span, calls: readonly CallFacts[]): Markup {
  const bins = binned(span, calls, ({ startedAt }) => startedAt);
  const top = (n: number): number => 22 + n * (PLOT + GAP);
  return svg(top(3) - GAP + AXIS, `${calls.length} calls over time`, [
    timeAxis(span, top(0), 3 * PLOT + 2 * GAP), ...callsPlot(span, bins, top(0)), ...rowsPlot(span, bins, top(1)), ...timesPlot(span, bins, top(2)),
  ]);
}

type Bins = readonly (readonly CallFacts[])[];

function callsPlot(span: Span, bins: Bins, top: number): readonly Markup[] {
  const most = ceiling(Math.max(1, ...bins.map((bin) => bin.length)));
  const columns = bins.flatMap((bin, n) => {
    let below = 0;
    return tallied(bin).map(([kind, count]) => {
      const y = top + PLOT - ((below += count) / most) * PLOT;
      return column(span, n, y, (count / most) * PLOT, `o-${kind}`, `${formatNumber(count)} calls ${OUTCOMES[kind]}`);
    });
  });
  return [heightAxis(top, PLOT, most, 'calls', formatNumber), ...columns];
}

function rowsPlot(span: Span, bins: Bins, top: number): readonly Markup[] {
  const sums = bins.map((bin) => bin.reduce((sum, { ofRun, rows }) => sum + (ofRun?.rows ?? rows), 0));
  const most = ceiling(Math.max(1, ...sums));
  const columns = sums.flatMap((sum, n) => (sum === 0 ? [] : [column(span, n, top + PLOT - (sum / most) * PLOT, (sum / most) * PLOT, 'rows', `${formatNumber(sum)} rows of this run`)]));
  return [heightAxis(top, PLOT, most, 'rows of this run', formatNumber), ...columns];
}

/** From the quickest to the slowest call of each part, and the middle one. */
function timesPlot(span: Span, bins: Bins, top: number): readonly Markup[] {
  const times = bins.map((bin) => bin.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs])).sort((a, b) => a - b));
  const most = ceiling(Math.max(1, ...times.flat()));
  const y = (ms: number): number => top + PLOT - (ms / most) * PLOT;
  const columns = times.flatMap((sorted, n) => {
    const [quickest, middle, slowest] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    if (quickest === undefined || middle === undefined || slowest === undefined) return [];
    const title = `${formatDuration(quickest)} to ${formatDuration(slowest)}, the middle one ${formatDuration(middle)}`;
    return [column(span, n, y(slowest), Math.max(1, y(quickest) - y(slowest)), 'range', title), column(span, n, y(middle) - 1, 2, 'middle', title)];
  });
  return [heightAxis(top, PLOT, most, 'how long a call took: quickest, middle, slowest', (ms) => (ms === 0 ? '0' : formatDuration(ms))), ...columns];
}

function column(span: Span, bin: number, y: number, height: number, kind: string, title: string): Markup {
  const x = xOf(span);
  const [from, to] = [span.from + bin * span.step, span.from + (bin + 1) * span.step];
  const width = Math.max(1, x(to) - x(from) - 1);
  return html`<rect class="${kind}" x="${short(Math.max(LEFT, x(from)))}" y="${short(y)}" width="${short(width)}" height="${short(height)}"><title>${clock(from, span.step)}: ${title}</title></rect>`;
}

function tallied(calls: readonly CallFacts[]): readonly (readonly [OutcomeClass, number])[] {
  const counts = new Map<OutcomeClass, number>();
  for (const call of calls) counts.set(classOf(call), (counts.get(classOf(call)) ?? 0) + 1);
  return (Object.keys(OUTCOMES) as OutcomeClass[]).flatMap((kind) => (counts.has(kind) ? [[kind, counts.get(kind) as number] as const] : []));
}

/** The colours in words, with numbers: what a reader has who sees no colours. */
function legend(calls: readonly CallFacts[]): Markup {
  return html`<ul class="legend">${tallied(calls).map(([kind, count]) => html`<li><svg class="key" viewBox="0 0 12 12" aria-hidden="true"><rect class="o-${kind}" width="12" height="12"/></svg>${formatNumber(count)} ${OUTCOMES[kind]}</li>`)}</ul>`;
}
