/**
 * The arithmetic of a sample drawn without replacement. With N contacts of which K differ, a sample of n holds x
 * differing ones with the hypergeometric probability C(K, x) · C(N−K, n−x) / C(N, n).
 */

const SMALL = 256;
const TABLE: readonly number[] = (() => {
  const sums = [0];
  for (let n = 1; n <= SMALL; n += 1) sums.push((sums[n - 1] as number) + Math.log(n));
  return sums;
})();

/** ln(n!): summed where n is small, else Stirling's series, exact to the last digits of a double. */
function logFactorial(n: number): number {
  if (n <= SMALL) return TABLE[n] as number;
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3);
}

function logChoose(n: number, k: number): number {
  return k < 0 || k > n ? -Infinity : logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** About the rounding of the logarithms above: a probability on the border counts as reached. */
const SLACK = 1e-9;

/** P(at most `seen` differing ones in the sample). */
function logAtMost(population: number, differing: number, sample: number, seen: number): number {
  let sum = -Infinity;
  for (let x = Math.max(0, sample - (population - differing)); x <= Math.min(seen, differing); x += 1) {
    const term = logChoose(differing, x) + logChoose(population - differing, sample - x);
    // ln(e^sum + e^term), without leaving the range of a double.
    const [high, low] = sum > term ? [sum, term] : [term, sum];
    sum = high === -Infinity ? high : high + Math.log1p(Math.exp(low - high));
  }
  return sum - logChoose(population, sample);
}

/** The least whole number from `low` to `high` that passes; `high` is known to, and all above the first one that does. */
function least(low: number, high: number, passes: (n: number) => boolean): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (passes(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/**
 * How many of so many contacts must be read, so that if a share `maxError` of them differed at least one of those
 * would be among the read ones with a probability of `confidence` or more. For a great population it comes to
 * ln(1 − confidence) / ln(1 − maxError), rounded up; a small one needs fewer, at most all.
 * @param confidence between 0 and 1
 * @param maxError between 0 and 1
 */
export function sampleSize(population: number, confidence: number, maxError: number): number {
  if (population === 0) return 0;
  // A product such as 0.07 × 100 is a little more than 7.
  const differing = Math.min(population, Math.max(1, Math.ceil(population * maxError - SLACK)));
  const missed = Math.log1p(-confidence) + SLACK;
  return least(1, population - differing + 1, (sample) => logAtMost(population, differing, sample, 0) <= missed);
}

/**
 * The most contacts that may differ, at the confidence asked, when `seen` of a sample did: with more than these, so
 * few in the sample would have had a probability of at most 1 − confidence. The exact (Clopper–Pearson) bound of a
 * finite population; with none seen in a sample of {@link sampleSize}, it stays under `maxError`.
 */
export function atMostDiffering(population: number, sample: number, seen: number, confidence: number): number {
  const missed = Math.log1p(-confidence) + SLACK;
  // The others of the sample are known to be right.
  const highest = population - (sample - seen);
  return least(seen, highest, (differing) => differing === highest || logAtMost(population, differing + 1, sample, seen) <= missed);
}

/** A count of the sample for the whole, rounded up: what was seen is never said to be less. */
export function scaled(count: number, population: number, sample: number): number {
  return count === 0 ? 0 : Math.ceil((count * population) / sample);
}

/**
 * Draws so many different ranks below `population`, each set of them with the same probability (Floyd's algorithm).
 * @param random from 0 to below 1
 */
export function drawRanks(population: number, sample: number, random: () => number): readonly number[] {
  const drawn = new Set<number>();
  for (let top = population - sample; top < population; top += 1) {
    const rank = Math.floor(random() * (top + 1));
    drawn.add(drawn.has(rank) ? top : rank);
  }
  return [...drawn];
}
