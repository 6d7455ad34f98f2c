import { formatDuration, formatNumber } from '../format/index.js';
import type { CallFacts, LaneWait, WaitCause } from '../ledger/index.js';
import { mostWithin, type Span } from './bins.js';
import { AXIS, ceiling, heightAxis, LEFT, short, svg, timeAxis, WIDTH, xOf } from './chart.js';
import { html, type Markup } from './markup.js';
import { windowOf } from './words.js';

/** What an account allows: calls in any window of `per` milliseconds. */
export interface PaceLimits {
  readonly calls: number;
  readonly per: number;
}

const PLOT = 110;
const STRIP = 16;

const CAUSES: Readonly<Record<WaitCause, string>> = { pace: 'pace', backing_off: 'backing off', quota: 'quota', paused: 'paused', blocked: 'blocked' };
/** Reasons that are listed; the others are summed up. */
const REASONS = 20;

/** The calls of a run's account against what it allows, and where it waited. @param calls of all its runs */
export function paceChart(span: Span, calls: readonly CallFacts[], limits: PaceLimits | null, waits: readonly LaneWait[]): Markup {
  const strips = (Object.keys(CAUSES) as WaitCause[]).filter((cause) => waits.some((wait) => wait.cause === cause));
  const top = 22;
  const per = limits?.per ?? span.step;
  const counts = mostWithin(span, calls.map(({ startedAt }) => startedAt), per);
  const most = ceiling(Math.max(limits?.calls ?? 1, ...counts));
  const y = (count: number): number => top + PLOT - (count / most) * PLOT;
  const below = top + PLOT + (strips.length > 0 ? 6 : 0);
  const height = below + strips.length * STRIP - top;
  const limit = limits === null ? [] : [
    html`<line class="limit" x1="${LEFT}" x2="${WIDTH - 14}" y1="${short(y(limits.calls))}" y2="${short(y(limits.calls))}"/>`,
    html`<text class="limit" x="${WIDTH - 16}" y="${short(y(limits.calls) + (y(limits.calls) < top + 14 ? 14 : -5))}" text-anchor="end">limit: ${formatNumber(limits.calls)}</text>`,
  ];
  return html`<figure>${svg(top + height + AXIS, 'calls in a window against the limit, and waits', [
    timeAxis(span, top, height), heightAxis(top, PLOT, most, `calls in ${windowOf(per)}`, formatNumber), html`<path class="pace" d="${line(span, counts, y)}"/>`,
    ...limit, ...strips.flatMap((cause, n) => strip(span, cause, waits, below + n * STRIP)),
  ])}
<figcaption>The most bulk calls the account made in any ${windowOf(per)}, those of its other runs too${limits === null ? '' : `, against the ${formatNumber(limits.calls)} it allows`}. Reads and log-ins have their place in the same pace and are not drawn.${strips.length === 0 ? '' : ' Below: when no call was made, and why.'}</figcaption></figure>
${waitsTable(span, waits)}`;
}

/** Steps, filled down to the axis. */
function line(span: Span, counts: readonly number[], y: (count: number) => number): string {
  const x = xOf(span);
  const steps = counts.map((count, n) => `V${short(y(count))}H${short(x(span.from + (n + 1) * span.step))}`);
  return `M${LEFT} ${short(y(0))}${steps.join('')}V${short(y(0))}Z`;
}

/** One cause's waits; those that would touch are drawn as one. */
function strip(span: Span, cause: WaitCause, waits: readonly LaneWait[], top: number): readonly Markup[] {
  const x = xOf(span);
  const drawn: [number, number][] = [];
  for (const wait of waits) {
    if (wait.cause !== cause) continue;
    const [from, to] = clipped(span, wait);
    const last = drawn.at(-1);
    if (last !== undefined && x(from) - x(last[1]) < 1) last[1] = Math.max(last[1], to);
    else drawn.push([from, to]);
  }
  return [
    html`<text class="tick" x="${LEFT - 7}" y="${short(top + 12)}" text-anchor="end">${CAUSES[cause]}</text>`,
    ...drawn.map(([from, to]) => html`<rect class="w-${cause}" x="${short(x(from))}" y="${short(top + 3)}" width="${short(Math.max(1, x(to) - x(from)))}" height="${STRIP - 6}"/>`),
  ];
}

/** The part of a wait that lies in the span: milliseconds since 1970. */
function clipped({ from, to }: Span, wait: LaneWait): readonly [number, number] {
  return [Math.max(from, Date.parse(wait.from)), Math.min(to, wait.to === null ? to : Date.parse(wait.to))];
}

function waitsTable(span: Span, waits: readonly LaneWait[]): Markup {
  const sums = new Map<string, { readonly wait: LaneWait; count: number; ms: number }>();
  for (const wait of waits) {
    const name = `${wait.cause} ${wait.reason ?? ''}`;
    const sum = sums.get(name) ?? { wait, count: 0, ms: 0 };
    const [from, to] = clipped(span, wait);
    sum.count += 1;
    sum.ms += Math.max(0, to - from);
    sums.set(name, sum);
  }
  if (sums.size === 0) return html`<p>No wait was noted: calls left as the pace let them.</p>`;
  const rows = [...sums.values()].sort((a, b) => b.ms - a.ms);
  const rest = rows.slice(REASONS);
  return html`<table><thead><tr><th>it waited for</th><th>why</th><th class="n">times</th><th class="n">in all</th></tr></thead><tbody>
${rows.slice(0, REASONS).map(({ wait, count, ms }) => html`<tr><td>${CAUSES[wait.cause]}</td><td>${wait.reason ?? ''}</td><td class="n">${formatNumber(count)}</td><td class="n">${formatDuration(ms)}</td></tr>
`)}${rest.length === 0 ? null : html`<tr><td>others</td><td>${rest.length} more reasons</td><td class="n">${formatNumber(rest.reduce((sum, one) => sum + one.count, 0))}</td><td class="n">${formatDuration(rest.reduce((sum, one) => sum + one.ms, 0))}</td></tr>
`}</tbody></table>`;
}
