import type { Connection, Pool } from './database.js';
import type { InvalidRow, StageRow } from './stage.js';
import { compare } from './stage-sql.js';

export interface CompareRequest {
  /** null: not known to the ledger yet. */
  readonly syncId: number | null;
  readonly destinationId: number | null;
  /** Counts also what is unchanged as something to send. */
  readonly resend: boolean;
}

/** What became of the rows of one page, had they been staged. */
export interface ComparedPage {
  readonly unchanged: number;
  /** Part of `unchanged`. */
  readonly stillRejected: number;
  readonly overtaken: number;
  /** Keys that belong to another sync of the destination. */
  readonly owned: number;
  readonly filtered: number;
  readonly invalid: readonly InvalidRow[];
}

/** What would be sent in the end: each contact once. */
export interface ComparedTotals {
  readonly creates: number;
  readonly updates: number;
  /** Part of the above: a fall of consent against what the destination is known to hold. */
  readonly optOuts: number;
}

/** No id of the ledger is below 1: nothing is found under it. */
const NOBODY = -1;

const TABLES = `
CREATE TEMP TABLE stage (ord int, key text, version timestamptz, action smallint, email smallint, sms smallint, locale text,
  only_if_known text, fields text) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE planned (key text PRIMARY KEY, version timestamptz, fp bytea, email smallint, sms smallint, action smallint,
  new boolean, opt_out boolean)`;

const FILL = `INSERT INTO stage SELECT * FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::smallint[], $5::smallint[], $6::smallint[],
  $7::text[], $8::text[], $9::text[])`;

/** $1 destination, $2 sync, $3 resend. A contact met on an earlier page is compared with what was planned for it there. */
const COMPARE = `${compare({ resend: '$3', waiting: 'true', flying: 'true', rejected: 'true' })}, e AS MATERIALIZED (
  SELECT d.*, CASE
      WHEN p.key IS NULL OR d.verdict IN ('owned', 'still', 'uninvited') THEN d.verdict
      WHEN (p.fp, p.email, p.sms, p.action) = (d.fp, d.email, d.sms, d.action) THEN 'unchanged'
      WHEN d.version < p.version THEN 'overtaken'
      WHEN d.verdict = 'queue' THEN 'replaces'
      ELSE 'undone'
    END AS fate
  FROM d LEFT JOIN planned p ON p.key = d.key
), kept AS (
  INSERT INTO planned SELECT key, version, fp, email, sms, action, c_version IS NULL AND f_version IS NULL, opt_out
  FROM e WHERE fate IN ('queue', 'replaces')
  ON CONFLICT (key) DO UPDATE SET version = excluded.version, fp = excluded.fp, email = excluded.email, sms = excluded.sms,
    action = excluded.action, new = excluded.new, opt_out = excluded.opt_out
), undone AS (
  DELETE FROM planned p USING e WHERE e.fate = 'undone' AND p.key = e.key
)
SELECT fate, count(*) AS count, CASE WHEN fate = 'uninvited' THEN json_agg(json_build_array(key, only_if_known)) END AS uninvited FROM e GROUP BY fate`;

/**
 * Compares pages with the newest known intents as staging does, and stores nothing: its tables are temporary and
 * gone with its connection. Close it when done.
 */
export class Comparison {
  private constructor(
    private readonly connection: Connection,
    private readonly request: CompareRequest,
  ) {}

  /** Takes one connection of the pool until {@link close}. */
  static async open(pool: Pool, request: CompareRequest): Promise<Comparison> {
    const connection = await pool.connect();
    connection.on('error', () => undefined);
    const comparison = new Comparison(connection, request);
    try {
      await connection.query(TABLES);
      return comparison;
    } catch (error) {
      comparison.close();
      throw error;
    }
  }

  async page(rows: readonly StageRow[]): Promise<ComparedPage> {
    if (rows.length === 0) return { unchanged: 0, stillRejected: 0, overtaken: 0, owned: 0, filtered: 0, invalid: [] };
    const { destinationId, syncId, resend } = this.request;
    await this.connection.query('BEGIN');
    await this.connection.query(FILL, [
      rows.map((_, ord) => ord), rows.map((row) => row.key), rows.map((row) => row.version), rows.map((row) => row.action),
      rows.map((row) => row.emailConsent), rows.map((row) => row.smsConsent), rows.map((row) => row.locale),
      rows.map((row) => row.onlyIfKnown ?? null), rows.map((row) => row.fields),
    ]);
    const found = await this.connection.query<{ fate: string; count: number; uninvited: [string, string][] | null }>(COMPARE, [
      destinationId ?? NOBODY, syncId ?? NOBODY, resend,
    ]);
    await this.connection.query('COMMIT');
    const of = (...fates: readonly string[]): number => found.rows.filter((row) => fates.includes(row.fate)).reduce((sum, row) => sum + row.count, 0);
    const uninvited = found.rows.flatMap((row) => row.uninvited ?? []);
    return {
      unchanged: of('unchanged', 'back', 'still', 'undone'),
      stillRejected: of('still'),
      overtaken: of('overtaken', 'replaces'),
      owned: of('owned'),
      filtered: uninvited.filter(([, reason]) => reason === 'filtered').length,
      invalid: uninvited.filter(([, reason]) => reason !== 'filtered').map(([key, reason]) => ({ key, place: null, reason })),
    };
  }

  async totals(): Promise<ComparedTotals> {
    const { rows } = await this.connection.query<ComparedTotals>(
      `SELECT count(*) FILTER (WHERE new) AS creates, count(*) FILTER (WHERE NOT new) AS updates, count(*) FILTER (WHERE opt_out) AS "optOuts" FROM planned`,
    );
    return rows[0] as ComparedTotals;
  }

  /** Drops the working tables with the connection. */
  close(): void {
    this.connection.release(true);
  }
}
