/** Milliseconds a bin may last: lengths that a person reads off an axis. */
const STEPS = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
  3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];

const DAY = 86_400_000;

/** A stretch of time in equal parts. Milliseconds since 1970, and milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** The shortest readable step that makes at most `most` parts of a stretch, and the stretch widened to whole steps (pure). */
export function spanOf(from: number, to: number, most: number): Span {
  const end = Math.max(to, from + 1);
  const fits = (step: number): boolean => Math.ceil(end / step) - Math.floor(from / step) <= most;
  let step = STEPS.find(fits) ?? DAY;
  while (!fits(step)) step += DAY;
  return { from: Math.floor(from / step) * step, to: Math.ceil(end / step) * step, step };
}

/** How many parts. */
export const binsOf = ({ from, to, step }: Span): number => Math.max(1, Math.round((to - from) / step));

/** Things by the part of a span in which they began; what lies outside is left out (pure). */
export function binned<T>(span: Span, things: readonly T[], at: (thing: T) => number): readonly (readonly T[])[] {
  const bins: T[][] = Array.from({ length: binsOf(span) }, () => []);
  for (const thing of things) bins[Math.floor((at(thing) - span.from) / span.step)]?.push(thing);
  return bins;
}

/**
 * The most of these times within any window of `per` milliseconds that ends in each part of a span (pure).
 * @param times ascending
 */
export function mostWithin(span: Span, times: readonly number[], per: number): readonly number[] {
  const most = Array.from({ length: binsOf(span) }, () => 0);
  const raise = (bin: number, count: number): void => {
    if (bin >= 0 && bin < most.length) most[bin] = Math.max(most[bin] ?? 0, count);
  };
  let start = 0;
  times.forEach((time, i) => {
    while ((times[start] as number) <= time - per) start += 1;
    raise(Math.floor((time - span.from) / span.step), i - start + 1);
  });
  // Where nothing began, what began before may still be in the window.
  let first = 0;
  let next = 0;
  for (let bin = 0; bin < most.length; bin++) {
    const begins = span.from + bin * span.step;
    while (next < times.length && (times[next] as number) <= begins) next += 1;
    while (first < next && (times[first] as number) <= begins - per) first += 1;
    raise(bin, next - first);
  }
  return most;
}
