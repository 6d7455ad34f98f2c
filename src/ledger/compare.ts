import type { CallForm } from '../destinations/index.js';
import { formOf } from './claim.js';
import type { Connection, Pool } from './database.js';
import { HELD, tooMany } from './departures.js';
import { claimIdentities } from './identity.js';
import type { InvalidRow, StageRow, Ways } from './stage.js';
import { identityHash, STAGE_COLUMNS, STAGE_TABLE } from './stage-copy.js';
import { compare } from './stage-sql.js';
import { withhold, type Withheld } from './withhold.js';

export interface CompareRequest {
  /** null: not known to the ledger yet. */
  readonly syncId: number | null;
  readonly destinationId: number | null;
  /** Counts also what is unchanged as something to send. */
  readonly resend: boolean;
  /** As in a page that is staged. */
  readonly remapped?: boolean;
  readonly ways?: Ways;
}

/** What became of the rows of one page, had they been staged. */
export interface ComparedPage {
  readonly unchanged: number;
  /** Part of `unchanged`. */
  readonly stillRejected: number;
  readonly overtaken: number;
  /** Keys that belong to another sync of the destination. */
  readonly owned: number;
  /** Contacts the platform takes for another one. */
  readonly duplicates: number;
  /** Contacts whose identity changed while their id at the platform is not known. */
  readonly held: number;
  /** Nothing is left to send: the person took back what the source grants, or was erased. */
  readonly suppressed: number;
  readonly withheld: readonly Withheld[];
  readonly filtered: number;
  readonly invalid: readonly InvalidRow[];
}

/** What would be sent in the end: each contact once. */
export interface ComparedTotals {
  readonly creates: number;
  readonly updates: number;
  /** Part of the above: a fall of consent against what the destination is known to hold. */
  readonly optOuts: number;
  /** Known contacts that would be opted in, and that would be changed other than by an opt-out. */
  readonly optIns: number;
  readonly changes: number;
  /** How they go together into calls: rows of each kind. */
  readonly kinds: readonly { readonly form: CallForm; readonly shape: string; readonly rows: number }[];
}

/** Contacts that are gone from the source. */
export interface ComparedDepartures {
  readonly contacts: number;
  /** Contacts of the sync the destination holds, or is being sent. */
  readonly held: number;
  /** They are more than are believed without asking: a run would stop. */
  readonly stops: boolean;
}

/** No id of the ledger is below 1: nothing is found under it. */
const NOBODY = -1;

const TABLES = `
-- A connection of a worker may have staged pages before.
DROP TABLE IF EXISTS pg_temp.stage;
CREATE TEMP TABLE ${STAGE_TABLE};
-- Hides the ledger's own: what a plan finds of shared identities is not to be kept.
CREATE TEMP TABLE identity (LIKE syncline.identity INCLUDING ALL);
INSERT INTO identity (account_id, identity, source, key, email, sms) SELECT account_id, identity, source, key, email, sms FROM syncline.identity
  WHERE account_id = (SELECT account_id FROM destination WHERE id = $1) ORDER BY no;
CREATE TEMP TABLE planned (key text PRIMARY KEY, version timestamptz, fp bytea, email smallint, sms smallint, action smallint,
  new boolean, opt_out boolean, rise boolean, form int, shape text);
CREATE TEMP TABLE met_by_plan (key text)`;

const FILL = `INSERT INTO stage (${STAGE_COLUMNS}) SELECT * FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::smallint[], $5::smallint[], $6::smallint[],
  $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[], $13::text[], $14::timestamptz[])`;

/** $1 destination, $2 sync, $3 resend, $4 to $6 the destination's ways, $7 whether the mapping changed. A contact met on an earlier page is compared with what was planned for it there. */
const COMPARE = `${compare({ resend: '$3', waiting: 'true', flying: 'true', rejected: 'true', separates: '$4', lowers: 'false', renames: '$5', holds: '$6', remapped: '$7', guards: '0' })}, e AS MATERIALIZED (
  SELECT d.*, CASE
      WHEN p.key IS NULL OR d.verdict IN ('owned', 'duplicate', 'held', 'still', 'uninvited', 'suppressed') THEN d.verdict
      WHEN (p.fp, p.email, p.sms, p.action) = (d.fp, d.email, d.sms, d.action) THEN 'unchanged'
      WHEN d.version < p.version THEN 'overtaken'
      WHEN d.verdict = 'queue' THEN 'replaces'
      ELSE 'undone'
    END AS fate
  FROM d LEFT JOIN planned p ON p.key = d.key
), kept AS (
  INSERT INTO planned SELECT key, version, fp, email, sms, action, COALESCE(c_version, f_version, CASE WHEN renames THEN p_version END) IS NULL, opt_out, rise, form, shape
  FROM e WHERE fate IN ('queue', 'replaces')
  ON CONFLICT (key) DO UPDATE SET version = excluded.version, fp = excluded.fp, email = excluded.email, sms = excluded.sms,
    action = excluded.action, new = excluded.new, opt_out = excluded.opt_out, rise = excluded.rise, form = excluded.form, shape = excluded.shape
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
      // Several statements take no parameters.
      await connection.query(TABLES.replaceAll('$1', String(request.destinationId ?? NOBODY)));
      return comparison;
    } catch (error) {
      comparison.close();
      throw error;
    }
  }

  async page(rows: readonly StageRow[]): Promise<ComparedPage> {
    if (rows.length === 0) return { unchanged: 0, stillRejected: 0, overtaken: 0, owned: 0, duplicates: 0, held: 0, suppressed: 0, withheld: [], filtered: 0, invalid: [] };
    const { destinationId, syncId, resend } = this.request;
    await this.connection.query('BEGIN');
    await this.connection.query(FILL, [
      rows.map((_, ord) => ord), rows.map((row) => row.key), rows.map((row) => row.version), rows.map((row) => row.action),
      rows.map((row) => row.emailConsent), rows.map((row) => row.smsConsent), rows.map((row) => row.locale),
      rows.map((row) => row.onlyIfKnown ?? null), rows.map((row) => row.fields),
      rows.map((row) => row.shape ?? null), rows.map((row) => row.previousKey ?? null),
      rows.map((row) => (row.identity === undefined ? null : identityHash(row.identity))),
      rows.map((row) => row.mail ?? null), rows.map((row) => row.consentAt ?? null),
    ]);
    const { ways = {}, remapped = false } = this.request;
    if (destinationId !== null && syncId !== null && rows.some((row) => row.identity !== undefined)) {
      await claimIdentities(this.connection, { destinationId, syncId, runNo: 0 });
    }
    const withheld = await withhold(this.connection, { destinationId: destinationId ?? NOBODY, syncId: syncId ?? NOBODY });
    const found = await this.connection.query<{ fate: string; count: number; uninvited: [string, string][] | null }>(COMPARE, [
      destinationId ?? NOBODY, syncId ?? NOBODY, resend,
      ways.consent === 'whenChanged', ways.keyChange === 'platform', ways.identityChange === 'hold', remapped,
    ]);
    await this.connection.query('COMMIT');
    const of = (...fates: readonly string[]): number => found.rows.filter((row) => fates.includes(row.fate)).reduce((sum, row) => sum + row.count, 0);
    const uninvited = found.rows.flatMap((row) => row.uninvited ?? []);
    return {
      unchanged: of('unchanged', 'back', 'still', 'undone'),
      stillRejected: of('still'),
      overtaken: of('overtaken', 'replaces'),
      owned: of('owned'),
      duplicates: of('duplicate'),
      held: of('held'),
      suppressed: of('suppressed'),
      withheld,
      filtered: uninvited.filter(([, reason]) => reason === 'filtered').length,
      invalid: uninvited.filter(([, reason]) => reason !== 'filtered').map(([key, reason]) => ({ key, place: null, reason })),
    };
  }

  async totals(): Promise<ComparedTotals> {
    const kinds = await this.connection.query<{ form: number; shape: string; rows: number }>(
      'SELECT form, shape, count(*) AS rows FROM planned GROUP BY action, form, shape ORDER BY form, shape',
    );
    const { rows } = await this.connection.query<Omit<ComparedTotals, 'kinds'>>(
      `SELECT count(*) FILTER (WHERE new) AS creates, count(*) FILTER (WHERE NOT new) AS updates, count(*) FILTER (WHERE opt_out) AS "optOuts",
         count(*) FILTER (WHERE rise) AS "optIns", count(*) FILTER (WHERE NOT new AND opt_out IS NOT TRUE) AS changes FROM planned`,
    );
    return { ...(rows[0] as Omit<ComparedTotals, 'kinds'>), kinds: kinds.rows.map(({ form, ...kind }) => ({ ...kind, form: formOf(form) })) };
  }

  /** Notes whom a page of a full reading met. @param keys of all its rows that are still there, also of those that cannot be sent */
  async meet(keys: readonly string[]): Promise<void> {
    await this.connection.query('INSERT INTO met_by_plan SELECT unnest($1::text[])', [keys]);
  }

  /** Who is held and was not met, when everything has been read. */
  async departures(): Promise<ComparedDepartures> {
    const { destinationId, syncId } = this.request;
    await this.connection.query('ANALYZE met_by_plan');
    const { rows } = await this.connection.query<Omit<ComparedDepartures, 'stops'>>(
      `SELECT count(*) AS held, count(*) FILTER (WHERE m.key IS NULL) AS contacts
       FROM (${HELD}) h LEFT JOIN (SELECT DISTINCT key FROM met_by_plan) m ON m.key = h.key`,
      [destinationId ?? NOBODY, syncId ?? NOBODY],
    );
    const counts = rows[0] as Omit<ComparedDepartures, 'stops'>;
    return { ...counts, stops: tooMany(counts.contacts, counts.held) };
  }

  /** Drops the working tables with the connection. */
  close(): void {
    this.connection.release(true);
  }
}
