/**
 * Calls the search may need besides, where nothing was accepted before it: a platform that may be refusing everything is
 * told from bad rows by peeling off single rows. At most three are peeled off (the third one that is refused stops the
 * lane, one that is accepted ends the doubt), and the two that were refused without a witness are sent once more.
 */
export const WITHOUT_WITNESS = 5;

/**
 * The most calls it takes to deliver the good rows of one call, and to reject each bad one with the platform's own words,
 * where the platform refuses a call as a whole for a single bad row and some call was accepted before.
 *
 * Proof. Each refused call of two or more rows is halved, so a part at depth d has at most ⌈rows / 2^d⌉ rows: parts of more
 * than one row lie above depth D = ⌈log2 rows⌉. Calls that are refused hold a bad row, and calls of one depth share no
 * row, so at depth d at most min(2^d, bad) of them are refused. Each of these has two parts, each part is sent once at
 * most, and every call but the first is such a part: 1 + 2·Σ min(2^d, bad) for d below D. With k = ⌊log2 bad⌋ that is no
 * more than 2·bad·(D − k + 1) − 1.
 *
 * Where rows is a power of two, a bad first row takes all of it: the fuller, then the older part goes first, and the good
 * half, which has to be delivered anyway, tells nothing new. Where the good half goes first, the other is known to be at
 * fault and is halved unsent, so that a bad last row takes one call a level.
 */
export function mostCalls(rows: number, bad: number): number {
  let calls = 1;
  if (bad > 0) for (let parts = 1; parts < rows; parts *= 2) calls += 2 * Math.min(parts, bad);
  return calls;
}
