import type { VerificationDocument } from '../ledger/index.js';
import { loadFound } from './load.js';
import { PAIR_UP } from './pairing.js';
import { DROP_REPEATED_FOUND } from './tables.js';
import { tally } from './tally.js';
import type { Verification, VerifyInput } from './types.js';
import { atWorkbench, type Workbench } from './workbench.js';

/**
 * Compares what the source side wants with what the destination holds, in flat memory: both are copied into
 * temporary tables on one connection, joined there by key, and only pairs that differ come back.
 *
 * | at the source | at the destination | is |
 * | opted in | not there, or not opted in | missing |
 * | not opted in, or gone | opted in, and ours or expected | unexpected |
 * | not opted in | not there, though delivered before | missing |
 * | not opted in | not there, never delivered | alike: nothing to be there |
 * | gone | there, not opted in, ours | alike: the audience is right |
 * | there, opted in alike | other fields or SMS consent, or the row cannot be sent | different, opted in or not |
 * | consent not mapped | not there | missing; else the destination's consent stands |
 * | gone | there, never ours | foreign: counted, fails nothing |
 *
 * Before any of that: a key of another sync of the destination is left out of both sides (`elsewhere` counts those
 * that were expected), and a key with a row waiting or under way, now, at the start or in between, is pending.
 *
 * Close the result. On an error or an abort nothing is left behind.
 * @throws what the two sides throw, the signal's reason, or the database's error
 */
export function verifyAudience(input: VerifyInput): Promise<Verification> {
  return atWorkbench(input, (bench) => compareSides(bench, input));
}

/** All of `expected` against all of `found`; the document calls itself `full`. */
export async function compareSides(bench: Workbench, input: VerifyInput): Promise<VerificationDocument> {
  await bench.readExpected();
  bench.keyless = await loadFound(bench.connection, input.found, input.signal, (read) => bench.found(read));
  await bench.step(DROP_REPEATED_FOUND);
  const verdict = tally(await bench.join(PAIR_UP), input.locales, input.tolerance);
  return { ...verdict, method: 'full', against: input.against, foreign: verdict.foreign + bench.keyless.count, at: await bench.now() };
}
