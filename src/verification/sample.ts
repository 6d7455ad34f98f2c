import { setTimeout as sleep } from 'node:timers/promises';
import { DestinationError, type FoundContact, type Paced } from '../destinations/index.js';
import type { Connection, VerificationDocument } from '../ledger/index.js';
import { estimate } from './estimate.js';
import { loadFound } from './load.js';
import { DRAW, LIST_CANDIDATES, PAIR_UP_SAMPLE } from './pairing.js';
import { drawRanks, sampleSize } from './sampling.js';
import type { SampleInput, Verification } from './types.js';
import { localeOrNull } from './values.js';
import { atWorkbench, type Workbench } from './workbench.js';

/** Keys fetched at a time. */
const PAGE = 500;
/** Milliseconds before a read is tried again, where the platform was away or throttled: one trouble must not cost the whole sample. */
const TRY_AGAIN_MS = [1_000, 2_000, 5_000, 10_000, 20_000] as const;

/** Contacts the ledger knows a destination to hold, of all its syncs. $1 destination. */
const KNOWN = `
SELECT count(*) AS known FROM contact
WHERE destination_id = $1 AND batch_id NOT IN (SELECT id FROM batch WHERE destination_id = $1 AND action = 1)`;
/** Of these: with a row waiting or under way, now or since the start; it may be an erasure. $1 destination. */
const KNOWN_PENDING = 'SELECT count(*) AS pending FROM pending p JOIN contact c ON c.destination_id = $1 AND c.key = p.key';

/**
 * Verifies a destination that cannot be read in full: the number of contacts it holds against the ledger's, and a
 * random sample read one by one, each contact compared as a full verification would (see `verifyAudience`).
 *
 * Drawn from, each contact with the same chance: all that should be there and all the ledger says were put there,
 * without those that have a row waiting or under way. More contacts there than the ledger knows are foreign and fail
 * nothing; fewer, beyond those pending, fail the verdict: what was delivered is gone.
 *
 * Close the result. On an error or an abort nothing is left behind.
 * @throws what the two sides throw, the signal's reason, or the database's error
 */
export function verifySample(input: SampleInput): Promise<Verification> {
  return atWorkbench(input, (bench) => drawAndCompare(bench, input));
}

async function drawAndCompare(bench: Workbench, input: SampleInput): Promise<VerificationDocument> {
  const { connection } = bench;
  const { destinationId, signal, confidence, maxError } = input;
  const now = input.now ?? (() => performance.now());
  await bench.readExpected();
  const total = await draw(bench, input);

  const began = now();
  let reads = 0;
  const counting: Paced = (call) => {
    reads += 1;
    return input.paced(call);
  };
  const patient = <T>(read: () => Promise<T>): Promise<T> => persistently(read, input.wait ?? pause, signal);
  bench.found(0, { done: 0, total });
  const known = (await connection.query<{ known: number }>(KNOWN, [destinationId])).rows[0]?.known ?? 0;
  const held = await patient(() => input.destination.count(counting, signal));
  const find = (key: string): Promise<FoundContact | null> => patient(() => input.destination.find(key, counting, signal));
  let done = 0;
  await loadFound(connection, readDrawn(connection, find, signal, () => bench.found((done += 1), { done, total })), signal, () => undefined);
  const seconds = Math.round((now() - began) / 1000);

  const groups = await bench.join(PAIR_UP_SAMPLE);
  const pending = (await connection.query<{ pending: number }>(KNOWN_PENDING, [destinationId])).rows[0]?.pending ?? 0;
  const { pass, ...estimated } = estimate(groups, input.locales, input.tolerance, confidence);
  const short = held === null ? 0 : Math.max(0, known - held - pending);
  return {
    verdict: pass && short === 0 ? 'pass' : 'fail', method: 'sample', against: input.against, ...estimated,
    foreign: held === null ? 0 : Math.max(0, held - known),
    at: await bench.now(), confidence, maxError, reads, seconds,
    ...(held === null ? { notices: ['the platform does not say how many contacts it holds: foreign ones are not counted'] } : { total: { found: held, known } }),
    ...(short > 0 ? { faults: [`the platform holds ${held} contacts, ${short} fewer than were delivered to it`] } : {}),
  };
}

/** Marks the contacts of the sample. @returns how many they are */
async function draw(bench: Workbench, { destinationId, syncId, confidence, maxError, random = Math.random }: SampleInput): Promise<number> {
  await bench.prepare(LIST_CANDIDATES, [destinationId, syncId]);
  const { rows } = await bench.connection.query<{ count: number }>('SELECT count(rank) AS count FROM candidate');
  const population = rows[0]?.count ?? 0;
  const size = sampleSize(population, confidence, maxError);
  await bench.prepare(DRAW, [drawRanks(population, size, random)]);
  await bench.prepare('CREATE INDEX ON candidate (key) WHERE drawn; ANALYZE candidate (key)');
  return size;
}

/** The drawn contacts as the platform holds them, each counted under the locale it was drawn from. */
async function* readDrawn(
  connection: Connection,
  find: (key: string) => Promise<FoundContact | null>,
  signal: AbortSignal,
  onRead: () => void,
): AsyncGenerator<readonly FoundContact[]> {
  for (let after = ''; ; ) {
    const { rows } = await connection.query<{ key: string; locale: string }>(
      `SELECT key, locale FROM candidate WHERE drawn AND key > $1 ORDER BY key LIMIT ${PAGE}`, [after]);
    for (const { key, locale } of rows) {
      signal.throwIfAborted();
      const contact = await find(key);
      onRead();
      // Asked for by this key, so it is this contact, however the platform writes it.
      if (contact !== null) yield [{ ...contact, key, locale: localeOrNull(locale) }];
    }
    if (rows.length < PAGE) return;
    after = (rows.at(-1) as { key: string }).key;
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<unknown> => sleep(ms, undefined, { signal });

/** One read, tried again where the trouble passes by itself. @throws what it throws the last time */
async function persistently<T>(read: () => Promise<T>, wait: (ms: number, signal: AbortSignal) => Promise<unknown>, signal: AbortSignal): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await read();
    } catch (error) {
      const ms = TRY_AGAIN_MS[tries];
      const passes = error instanceof DestinationError && (error.kind === 'unreachable' || error.kind === 'throttled');
      if (!passes || ms === undefined) throw error;
      await wait(ms, signal);
      signal.throwIfAborted();
    }
  }
}
