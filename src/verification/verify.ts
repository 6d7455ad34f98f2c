import type { Connection, VerificationDocument } from '../ledger/index.js';
import { LIST_DIFFERENCES, readDifferences } from './differences.js';
import { loadExpected, loadFound } from './load.js';
import { CREATE_TABLES, DROP_REPEATED_EXPECTED, DROP_REPEATED_FOUND, PAIR_UP, PENDING_AFTER, PENDING_BEFORE, PENDING_REJECTED } from './tables.js';
import { tally, type Group } from './tally.js';
import { compareUnlike } from './unlike.js';
import type { Verification, VerifyInput } from './types.js';

const COUNT_GROUPS = `
SELECT CASE WHEN kind <> 'unlike' THEN kind WHEN d.pair IS NULL THEN 'alike' ELSE 'different' END AS kind,
  expected_locale AS "expectedLocale", found_locale AS "foundLocale", pending_locale AS "pendingLocale",
  wants_in AS "wantsIn", is_in AS "isIn", count(*) AS count
FROM pair p LEFT JOIN differing d ON d.pair = p.id GROUP BY 1, 2, 3, 4, 5, 6`;

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
 * | there, opted in alike | other fields, or the row cannot be sent | different, opted in or not |
 * | consent not mapped | not there | missing; else the destination's consent stands |
 * | gone | there, never ours | foreign: counted, fails nothing |
 *
 * Before any of that: a key of another sync of the destination is left out of both sides (`elsewhere` counts those
 * that were expected), and a key with a row waiting or under way, now, at the start or in between, is pending.
 *
 * Close the result. On an error or an abort nothing is left behind.
 * @throws what the two sides throw, the signal's reason, or the database's error
 */
export async function verifyAudience(input: VerifyInput): Promise<Verification> {
  input.signal.throwIfAborted();
  const connection = await input.pool.connect();
  const ignore = (): void => undefined;
  // A connection cut between two pages reports by the next statement; without a listener it would end the process.
  connection.on('error', ignore);
  let open = true;
  const close = (): Promise<void> => {
    if (open) {
      open = false;
      // Ended, not reused: its settings and tables go with it.
      connection.release(true);
    }
    return Promise.resolve();
  };
  let cancelled: Promise<unknown> = Promise.resolve();
  let stop = ignore;
  try {
    const { rows } = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const pid = rows[0]?.pid;
    stop = () => {
      cancelled = input.pool.query('SELECT pg_cancel_backend($1)', [pid]).catch(ignore);
    };
    input.signal.addEventListener('abort', stop);
    const document = await compareSides(connection, input);
    const { syncId, destinationId } = input;
    return { document, differences: (limit) => readDifferences(connection, syncId, destinationId, limit), close };
  } catch (error) {
    await close();
    await cancelled;
    // A statement that was cancelled for the abort has a message of its own; the reason is what counts.
    input.signal.throwIfAborted();
    throw error;
  } finally {
    input.signal.removeEventListener('abort', stop);
  }
}

async function compareSides(connection: Connection, input: VerifyInput): Promise<VerificationDocument> {
  const { syncId, destinationId, signal } = input;
  let expectedRead = 0;
  let foundRead = 0;
  const report = (phase: 'reading' | 'comparing'): void => input.onProgress?.({ phase, expectedRead, foundRead });
  const step = async (statement: string, values?: readonly unknown[]): Promise<void> => {
    signal.throwIfAborted();
    await connection.query(statement, values ? [...values] : undefined);
    report('comparing');
  };

  await connection.query(CREATE_TABLES);
  const start = (await connection.query<{ at: string }>('SELECT clock_timestamp() AS at')).rows[0]?.at;
  await connection.query(PENDING_BEFORE, [destinationId]);
  await loadExpected(connection, input.expected, signal, (read) => {
    expectedRead = read;
    report('reading');
  });
  const keyless = await loadFound(connection, input.found, signal, (read) => {
    foundRead = read;
    report('reading');
  });

  await step(PENDING_REJECTED, [destinationId, start]);
  await step(PENDING_AFTER, [destinationId, start]);
  await step(DROP_REPEATED_EXPECTED);
  await step(DROP_REPEATED_FOUND);
  await step('ANALYZE expected (key); ANALYZE found (key); ANALYZE pending');
  await step(PAIR_UP, [destinationId, syncId]);
  await compareUnlike(connection, input.compare, signal, () => report('comparing'));
  await step(LIST_DIFFERENCES);
  const groups = (await connection.query<Group>(COUNT_GROUPS)).rows;
  const verdict = tally(groups, input.locales, input.tolerance);
  const at = (await connection.query<{ at: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
  )).rows[0]?.at as string;
  return { ...verdict, method: 'full', against: input.against, foreign: verdict.foreign + keyless, at };
}
