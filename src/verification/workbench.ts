import type { Connection, VerificationDocument } from '../ledger/index.js';
import { LIST_DIFFERENCES, readDifferences } from './differences.js';
import { loadExpected, type Keyless } from './load.js';
import { CREATE_TABLES, DROP_REPEATED_EXPECTED, PENDING_AFTER, PENDING_BEFORE, PENDING_REJECTED } from './tables.js';
import type { Group } from './tally.js';
import { compareUnlike } from './unlike.js';
import type { CompareInput, Verification, VerifyProgress } from './types.js';

const COUNT_GROUPS = `
SELECT CASE WHEN kind <> 'unlike' THEN kind WHEN d.pair IS NULL THEN 'alike' ELSE 'different' END AS kind,
  expected_locale AS "expectedLocale", found_locale AS "foundLocale", pending_locale AS "pendingLocale", drawn_from AS "drawnFrom",
  wants_in AS "wantsIn", is_in AS "isIn", COALESCE(held_in, false) AS "heldIn", count(*) AS count
FROM pair p LEFT JOIN differing d ON d.pair = p.id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`;

/** The working tables of one verification, on a connection of their own. Its steps are taken in this order. */
export class Workbench {
  /** What was read of the destination and cannot be paired. */
  keyless: Keyless = { count: 0, optedIn: new Map() };
  private start = '';
  private expectedRead = 0;
  private foundRead = 0;
  private sample: VerifyProgress['sample'];

  constructor(readonly connection: Connection, private readonly input: CompareInput) {}

  /** Makes the tables, notes what is pending, and reads the source side. */
  async readExpected(): Promise<void> {
    const { connection, input } = this;
    await connection.query(CREATE_TABLES);
    this.start = (await connection.query<{ at: string }>('SELECT clock_timestamp() AS at')).rows[0]?.at ?? '';
    await connection.query(PENDING_BEFORE, [input.destinationId]);
    await loadExpected(connection, input.expected, input.signal, (read) => {
      this.expectedRead = read;
      this.report('reading');
    });
    await this.prepare(DROP_REPEATED_EXPECTED);
    await this.prepare('ANALYZE expected (key); ANALYZE pending');
  }

  /** Tells how much of the destination was read. */
  found(read: number, sample?: VerifyProgress['sample']): void {
    this.foundRead = read;
    this.sample = sample;
    this.report('reading');
  }

  /** Notes what came while both sides were read, and joins them. @param pairUp of `pairing.ts` */
  async join(pairUp: string): Promise<readonly Group[]> {
    const { connection, input } = this;
    const { destinationId, syncId } = input;
    await this.step(PENDING_REJECTED, [destinationId, this.start]);
    await this.step(PENDING_AFTER, [destinationId, this.start]);
    await this.step('ANALYZE found (key); ANALYZE pending');
    await this.step(pairUp, [destinationId, syncId]);
    await compareUnlike(connection, input.compare, input.signal, () => this.report('comparing'));
    await this.step(LIST_DIFFERENCES);
    return (await connection.query<Group>(COUNT_GROUPS)).rows;
  }

  /** Contacts of the destination that are opted in, by locale in lower case, whoever's they are. */
  async optedIn(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.connection.query<{ locale: string; count: number }>('SELECT locale, count(*) AS count FROM found WHERE opted_in GROUP BY locale');
    const counts = new Map<string, number>();
    for (const [locale, count] of [...rows.map((row) => [row.locale, row.count] as const), ...this.keyless.optedIn]) {
      const name = locale.toLowerCase();
      counts.set(name, (counts.get(name) ?? 0) + count);
    }
    return counts;
  }

  /** The ledger's clock: ISO 8601 UTC, microseconds. */
  async now(): Promise<string> {
    const { rows } = await this.connection.query<{ at: string }>(
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`,
    );
    return rows[0]?.at as string;
  }

  /** A statement between the readings. */
  async prepare(statement: string, values?: readonly unknown[]): Promise<void> {
    this.input.signal.throwIfAborted();
    await this.connection.query(statement, values ? [...values] : undefined);
  }

  /** A statement of the comparison. */
  async step(statement: string, values?: readonly unknown[]): Promise<void> {
    await this.prepare(statement, values);
    this.report('comparing');
  }

  private report(phase: VerifyProgress['phase']): void {
    const { expectedRead, foundRead, sample } = this;
    this.input.onProgress?.({ phase, expectedRead, foundRead, ...(sample ? { sample } : {}) });
  }
}

/**
 * Does the work on a workbench and keeps it for the differences until `close`. On an error or an abort nothing is left
 * behind.
 * @throws what the two sides throw, the signal's reason, or the database's error
 */
export async function atWorkbench(input: CompareInput, work: (bench: Workbench) => Promise<VerificationDocument>): Promise<Verification> {
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
    const bench = new Workbench(connection, input);
    const document = await work(bench);
    const { syncId, destinationId } = input;
    return { document, differences: (limit) => readDifferences(connection, syncId, destinationId, limit), optedIn: () => bench.optedIn(), close };
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
