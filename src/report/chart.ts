import { spanOf, type Span } from './bins.js';
import { html, type Markup } from './markup.js';

/** Units of every chart's own coordinates: about a pixel on a screen. */
export const WIDTH = 960;
export const LEFT = 82;
const RIGHT = 14;
/** Room below a plot for the labels of the time axis. */
export const AXIS = 22;

/** A number for an attribute: short, since a page has thousands of them. */
export const short = (value: number): string => String(Math.round(value * 10) / 10);

/** Where a time stands. */
export function xOf(span: Span): (ms: number) => number {
  const scale = (WIDTH - LEFT - RIGHT) / (span.to - span.from);
  return (ms) => LEFT + (Math.min(Math.max(ms, span.from), span.to) - span.from) * scale;
}

/** A drawing of this height that a screen reader is told in words. */
export function svg(height: number, label: string, content: readonly Markup[]): Markup {
  return html`<svg viewBox="0 0 ${WIDTH} ${short(height)}" role="img" aria-label="${label}">${content}</svg>`;
}

/** The time axis under a plot, in UTC. */
export function timeAxis(span: Span, top: number, height: number): Markup {
  const x = xOf(span);
  const { step } = spanOf(span.from, span.to, 9);
  const marks: Markup[] = [];
  for (let at = Math.ceil(span.from / step) * step; at <= span.to; at += step) {
    const anchor = x(at) > WIDTH - 40 ? 'end' : 'middle';
    marks.push(html`<line class="grid" x1="${short(x(at))}" x2="${short(x(at))}" y1="${short(top)}" y2="${short(top + height)}"/><text class="tick" x="${short(x(at))}" y="${short(top + height + 15)}" text-anchor="${anchor}">${clock(at, step)}</text>`);
  }
  return html`<g>${marks}</g>`;
}

/** A time as an axis with this step writes it. */
export function clock(ms: number, step: number): string {
  const iso = new Date(ms).toISOString();
  if (step >= 86_400_000) return iso.slice(5, 10);
  if (step >= 3_600_000) return `${iso.slice(8, 10)}. ${iso.slice(11, 16)}`;
  if (step >= 60_000) return iso.slice(11, 16);
  return step >= 1_000 ? iso.slice(11, 19) : iso.slice(14, step >= 100 ? 21 : 22);
}

/** The next of 1, 2, 4, 6, 8, 10, 20, …: its half is a whole number too. */
export function ceiling(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((digit) => digit * power).find((one) => one >= value - 1e-9) as number;
}

/** A vertical axis from 0 to `most`, with its name above it. */
export function heightAxis(top: number, height: number, most: number, name: string, words: (value: number) => string = String): Markup {
  const at = (value: number): number => top + height - (value / most) * height;
  const marks = (most < 2 ? [0, most] : [0, most / 2, most]).map((value) =>
    html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${short(at(value))}" y2="${short(at(value))}"/><text class="tick" x="${LEFT - 7}" y="${short(at(value) + 4)}" text-anchor="end">${words(value)}</text>`);
  return html`<g>${marks}</g><text class="axis" x="${LEFT}" y="${short(top - 7)}">${name}</text>`;
}
