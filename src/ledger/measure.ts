import type { Connection, Pool } from './database.js';
import { inFlight, oldestWaiting, waitingDepths, type FlyingDepth, type OldestWaiting, type WaitingDepth } from './depth.js';
import { failureGauges, laneGauges, ledgerBytes, syncGauges, type FailureGauge, type LaneGauge, type SyncGauge } from './gauges.js';
import { rowTotals, uncountedRuns, waitTotals, type RowTotal, type WaitTotal } from './totals.js';

/** The ledger in numbers, as of one moment. */
export interface LedgerMeasures {
  readonly lanes: readonly LaneGauge[];
  readonly syncs: readonly SyncGauge[];
  /** Null: for some minutes after an upgrade of an older ledger they are still being added up. */
  readonly rows: readonly RowTotal[] | null;
  readonly waiting: readonly WaitingDepth[] | null;
  readonly oldest: readonly OldestWaiting[];
  readonly inFlight: readonly FlyingDepth[];
  readonly waits: readonly WaitTotal[];
  readonly failures: readonly FailureGauge[];
  readonly bytes: number;
}

/**
 * Measures the ledger: some ten questions, none of which looks at every row of a large table.
 * @param withinMs milliseconds all of it may take; the connection is cut then
 * @throws the database's own error, or that it took too long
 */
export async function measureLedger(pool: Pool, withinMs: number): Promise<LedgerMeasures> {
  const connection = await pool.connect();
  // Cut while it is ours it reports by the question under way; without a listener that would end the process.
  const ignore = (): void => undefined;
  connection.on('error', ignore);
  let timer: NodeJS.Timeout | undefined;
  let broken = true;
  try {
    const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Error(`the ledger was not measured within ${withinMs} ms`)); }, withinMs); });
    const measuring = measure(connection, withinMs);
    measuring.catch(ignore);
    const measures = await Promise.race([measuring, late]);
    broken = false;
    return measures;
  } finally {
    clearTimeout(timer);
    connection.off('error', ignore);
    connection.release(broken);
  }
}

async function measure(connection: Connection, withinMs: number): Promise<LedgerMeasures> {
  await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  // The server ends a question that nobody waits for any more.
  await connection.query(`SET LOCAL statement_timeout = ${Math.ceil(withinMs)}`);
  const runs = await uncountedRuns(connection);
  const measures: LedgerMeasures = {
    lanes: await laneGauges(connection),
    syncs: await syncGauges(connection),
    rows: runs && (await rowTotals(connection, runs)),
    waiting: runs && (await waitingDepths(connection, runs)),
    oldest: await oldestWaiting(connection),
    inFlight: await inFlight(connection),
    waits: await waitTotals(connection),
    failures: await failureGauges(connection),
    bytes: await ledgerBytes(connection),
  };
  await connection.query('COMMIT');
  return measures;
}
