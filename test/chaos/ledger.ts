import type { Installation } from './installation.js';
import type { Platform, SentRow } from './platforms/index.js';

/** A run as the ledger has it. */
export interface RunState {
  readonly status: string;
  readonly ended: boolean;
  readonly error: string | null;
}

export async function runState(place: Installation, run: string): Promise<RunState | undefined> {
  const [row] = await place.query<{ status: string; ended: boolean; error: string | null }>('SELECT status, ended_at IS NOT NULL AS ended, error FROM run WHERE id = $1', [run]);
  return row;
}

/** What the ledger says of one platform's destination. */
export class Ledger {
  constructor(
    private readonly place: Installation,
    private readonly platform: Platform,
  ) {}

  /** Versions it says the platform holds: `contact`, the picture it compares with. */
  held(): Promise<SentRow[]> {
    return this.ask(`SELECT c.key, ${this.rev} AS rev FROM contact c JOIN batch_row br ON br.batch_id = c.batch_id AND br.ord = c.ord WHERE c.destination_id = ${OURS}`);
  }

  /** Versions that were counted delivered by batches after `batch`. */
  deliveredAfter(batch: number): Promise<SentRow[]> {
    return this.ask(
      `SELECT br.key, ${this.rev} AS rev FROM batch_row br JOIN batch b ON b.id = br.batch_id
       WHERE b.destination_id = ${OURS} AND b.id > $2 AND (br.outcome = 1 OR (br.outcome IS NULL AND b.status = 'settled'))`,
      [batch],
    );
  }

  /** How every call that carried one of these contacts ended, oldest first. */
  callsWith(keys: readonly string[]): Promise<(SentRow & { readonly status: string; readonly outcome: string | null })[]> {
    return this.ask(
      `SELECT br.key, ${this.rev} AS rev, b.status, b.outcome FROM batch_row br JOIN batch b ON b.id = br.batch_id
       WHERE b.destination_id = ${OURS} AND br.key = ANY($2) ORDER BY b.id`,
      [keys],
    );
  }

  async batchesAfter(batch: number): Promise<Batches> {
    const [row] = await this.ask<{ last: string; unknown: string; open: string; waiting: string }>(
      `SELECT COALESCE(max(id), 0) AS last, count(*) FILTER (WHERE id > $2 AND outcome = 'unknown') AS unknown,
         count(*) FILTER (WHERE status IN ('sending', 'accepted', 'unknown')) AS open,
         (SELECT count(*) FROM outbox WHERE destination_id = ${OURS}) AS waiting FROM batch WHERE destination_id = ${OURS}`,
      [batch],
    );
    return { last: Number(row?.last), unknown: Number(row?.unknown), open: Number(row?.open), waiting: Number(row?.waiting) };
  }

  /** Keys with an open rejection. */
  async rejectedKeys(): Promise<Set<string>> {
    const rows = await this.ask<{ key: string }>(`SELECT key FROM rejection WHERE destination_id = ${OURS} AND resolved_at IS NULL`);
    return new Set(rows.map((row) => row.key));
  }

  private get rev(): string {
    return this.platform.revSql;
  }

  private ask<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.place.query<Row>(sql, [this.platform.name, ...values]);
  }
}

const OURS = '(SELECT id FROM destination WHERE name = $1)';

export interface Batches {
  readonly last: number;
  /** Calls that ended unknown since the one asked from. */
  readonly unknown: number;
  /** Calls under way or unsettled. */
  readonly open: number;
  readonly waiting: number;
}
