import type { Action, CallForm, ConsentCode, OutgoingRow } from '../destinations/index.js';
import type { Queryable } from './database.js';
import type { Lease } from './lease.js';
import { OLD } from './restored.js';

/** Rows that can go into one call: one destination, one kind (action, form and column set), one bundle or none. */
export interface Claimable {
  readonly destinationId: number;
  readonly destination: string;
  readonly action: Action;
  readonly kind: number;
  readonly form: CallForm;
  readonly bundle: number | null;
  /** Rows ready now, counted up to the batch size. */
  readonly ready: number;
  /** Opt-outs and erasures among them. */
  readonly urgent: boolean;
  /** All of them are of the lowest class, backfills. */
  readonly lowest: boolean;
  /** Milliseconds the oldest of them has waited. */
  readonly waitedMs: number;
  /** A run is still staging rows for this destination. */
  readonly feeding: boolean;
  /** Tries of the bundle that failed without an answer of the platform's own. */
  readonly tries: number;
  /** Whether another row was accepted since the bundle's search began. */
  readonly witnessed: boolean;
}

/** A place in the open queue of each class, by priority: rows at or before it have been looked at lately. */
export type Floors = readonly [number, number, number, number];
export const NO_FLOORS: Floors = [0, 0, 0, 0];

/**
 * Counts what is ready, by group. `limit` bounds the counting, not the claim.
 * @param floors where to begin in the open queue: what was claimed leaves dead entries in the index, which a scan
 * from the very beginning passes one by one until they are vacuumed
 */
export async function claimable(db: Queryable, accountId: number, limit: number, floors: Floors = NO_FLOORS): Promise<readonly Claimable[]> {
  const { rows } = await db.query<Omit<Claimable, 'form'> & { readonly formBits: number }>({
    name: 'claimable',
    text: `
    WITH d AS (SELECT id, name, witness_at FROM destination WHERE account_id = $1),
    loose AS (
      SELECT d.id AS destination_id, d.name, k.id AS kind, NULL::bigint AS bundle, q.ready, q.urgent, q.lowest, q.oldest, 0 AS tries, true AS witnessed
      FROM d JOIN kind k ON k.destination_id = d.id
      CROSS JOIN LATERAL (
        SELECT count(*) AS ready, bool_or(x.priority = 0) AS urgent, bool_and(x.priority = 3) AS lowest, min(x.staged_at) AS oldest
        FROM (
          SELECT c.priority, c.staged_at FROM unnest($3::bigint[]) WITH ORDINALITY AS f (seq, class)
          CROSS JOIN LATERAL (
            SELECT o.priority, o.staged_at FROM outbox o
            WHERE o.kind = k.id AND o.bundle IS NULL AND o.priority = f.class - 1 AND o.seq > f.seq
              AND o.not_before <= clock_timestamp()
            ORDER BY o.seq LIMIT $2
          ) c LIMIT $2
        ) x
      ) q WHERE q.ready > 0
    ), bundled AS (
      SELECT d.id, d.name, o.kind, o.bundle, count(*) AS ready, bool_or(o.priority = 0) AS urgent, bool_and(o.priority = 3) AS lowest, min(o.staged_at) AS oldest,
        b.tries, d.witness_at >= b.root_at AS witnessed
      FROM d JOIN outbox o ON o.destination_id = d.id AND o.bundle IS NOT NULL
      JOIN bundle b ON b.id = o.bundle AND b.not_before <= clock_timestamp()
      WHERE o.not_before <= clock_timestamp()
        -- One part of a refused call at a time: where all others are accepted, the last need not be sent to know.
        AND NOT EXISTS (SELECT 1 FROM bundle x JOIN batch xb ON xb.bundle = x.id AND xb.account_id = $1 AND xb.status = 'sending'
          WHERE b.split_of IS NOT NULL AND x.split_of = b.split_of AND x.id <> b.id)
      GROUP BY d.id, d.name, o.kind, o.bundle, b.tries, d.witness_at, b.root_at
    )
    SELECT g.destination_id AS "destinationId", g.name AS destination, k.action, k.id AS kind, k.form AS "formBits", g.bundle, g.ready, g.urgent, g.lowest, g.tries, g.witnessed,
      (EXTRACT(EPOCH FROM clock_timestamp() - g.oldest) * 1000)::float8 AS "waitedMs",
      EXISTS (SELECT 1 FROM run r JOIN sync s ON s.id = r.sync_id WHERE r.extracting AND r.ended_at IS NULL AND s.destination_id = g.destination_id) AS feeding
    FROM (SELECT * FROM loose UNION ALL SELECT * FROM bundled) g JOIN kind k ON k.id = g.kind`,
    values: [accountId, limit, floors],
  });
  return rows.map(({ formBits, ...group }) => ({ ...group, form: formOf(formBits) }));
}

/** A form as the ledger stores it: bit 1: without consent; bit 2: changes keys. */
export const formOf = (bits: number): CallForm => ({ consent: (bits & 1) === 0, renames: (bits & 2) !== 0 });

/** A call written down before it is made. */
export interface ClaimedBatch {
  readonly id: number;
  readonly destinationId: number;
  readonly bundle: number | null;
  readonly form: CallForm;
  readonly rows: readonly OutgoingRow[];
  /** Greatest number of earlier calls one of its rows was in. */
  readonly attempts: number;
  /** When it leaves, by the ledger's clock. */
  readonly startedAt: string;
  /** How far it took the open queue, by priority; 0 where it took nothing. */
  readonly reached: Floors;
}

/**
 * A claimed batch as it comes back: one line a contact in each text, which is a tenth of the work of a row each.
 * Neither keys (control characters make a row invalid) nor JSON text hold a line end of their own.
 */
interface ClaimedLines {
  readonly id: number;
  readonly started_at: string;
  readonly attempts: number;
  readonly keys: string;
  readonly fields: string;
  /** One digit a contact. */
  readonly email: string;
  readonly sms: string;
  readonly known: string;
  readonly reached: readonly (number | null)[];
}

/** Opt-outs first, then by class; `share` lets the lowest class go before the middle ones. */
const classOrder = (share: boolean): readonly number[] => (share ? [0, 3, 2, 1] : [0, 1, 2, 3]);

/**
 * No version of the contact is in flight; only a row staged behind another can have one. An opt-out does not wait for that:
 * it crosses the open call, and goes once more when that one has ended. It crosses once, and never a change of key.
 */
const FREE = `(NOT o.behind OR NOT EXISTS (
        SELECT 1 FROM batch fb JOIN batch_row f ON f.batch_id = fb.id
        WHERE fb.destination_id = $1 AND fb.status IN ('sending', 'accepted', 'unknown') AND f.key IN (o.key, o.previous_key) AND f.outcome IS NULL
          AND (o.priority > 0 OR o.crossed OR f.crossed IS TRUE OR o.previous_key IS NOT NULL OR f.previous_key IS NOT NULL)))`;

/** @param held of a restored ledger: what is as old stays, also where it came after the last look and is not parked yet */
const LOOSE = (priority: string, held: boolean): string => `
  SELECT * FROM (
    SELECT o.ctid AS place FROM outbox o
    WHERE o.kind = $2 AND o.bundle IS NULL AND o.priority = ${priority}::int
      AND o.seq > ($12::bigint[])[${priority}::int + 1] AND o.not_before <= clock_timestamp()
      AND ${FREE}${held ? ` AND NOT ${OLD}` : ''}
    ORDER BY o.seq LIMIT $3 FOR UPDATE OF o SKIP LOCKED) c${priority.slice(1)}`;

const BUNDLED = `
  SELECT o.ctid AS place FROM outbox o
  WHERE o.destination_id = $1 AND o.kind = $2 AND o.bundle = $7 AND o.not_before <= clock_timestamp()
    AND (o.priority = 0 OR NOT $8::boolean) AND ${FREE}
  ORDER BY o.seq LIMIT $3 FOR UPDATE OF o SKIP LOCKED`;

const claimSql = (head: string): string => `
  WITH own AS MATERIALIZED (
    -- Read without a lock: the lease outlives this statement by far, and whoever takes it over adopts what is open.
    -- A call that waits for its place when the lane is blocked or paused does not leave any more.
    SELECT id FROM account WHERE id = $4 AND fence = $5 AND lease_until > clock_timestamp() AND NOT (blocked OR paused)
  ), head AS MATERIALIZED (SELECT * FROM (${head}) h WHERE EXISTS (SELECT 1 FROM own)),
  gone AS (
    -- The rows are locked by the head, so their places hold.
    DELETE FROM outbox o WHERE o.ctid = ANY (ARRAY(SELECT place FROM head)) AND o.destination_id = $1 RETURNING o.*
  ), b AS (
    INSERT INTO batch (account_id, destination_id, kind, action, fence, bundle, rows, attempt, started_at)
    SELECT own.id, $1::int, $2::int, (SELECT action FROM kind WHERE id = $2::int), $5::bigint, $7::bigint, (SELECT count(*) FROM gone), (SELECT max(attempts) + 1 FROM gone),
      clock_timestamp() + make_interval(secs => $6::float8 / 1000)
    FROM own WHERE EXISTS (SELECT 1 FROM gone)
    RETURNING id, started_at
  ), runs AS (
    INSERT INTO batch_run (batch_id, run_no, rows) SELECT b.id, g.run_no, count(*) FROM gone g, b GROUP BY b.id, g.run_no
  ), r AS (
    INSERT INTO batch_row (batch_id, ord, destination_id, sync_id, run_no, attempts, seq, version, priority, email, sms, known, key, fp, locale, fields, identity, previous_key,
      consent_at, address, crossed, staged_at)
    SELECT b.id, row_number() OVER (ORDER BY g.priority, g.seq) - 1, $1, g.sync_id, g.run_no, g.attempts, g.seq, g.version, g.priority,
      g.email, g.sms, g.known OR (g.behind AND EXISTS (SELECT 1 FROM contact c WHERE c.destination_id = $1 AND c.key = g.key)), g.key, g.fp, g.locale, g.fields, g.identity, g.previous_key,
      g.consent_at, g.address,
      CASE WHEN g.priority = 0 AND g.behind AND NOT g.crossed AND EXISTS (
        SELECT 1 FROM batch fb JOIN batch_row f ON f.batch_id = fb.id
        WHERE fb.destination_id = $1 AND fb.status IN ('sending', 'accepted', 'unknown') AND f.key = g.key AND f.outcome IS NULL) THEN true END,
      CASE WHEN g.priority = 0 AND NOT g.crossed THEN g.staged_at END
    FROM gone g, b
    RETURNING ord, key, fields, email, sms, known, attempts, priority, seq
  )
  SELECT b.id, b.started_at, max(r.attempts) AS attempts,
    string_agg(r.key, E'\n' ORDER BY r.ord) AS keys, string_agg(r.fields, E'\n' ORDER BY r.ord) AS fields,
    string_agg(r.email::text, '' ORDER BY r.ord) AS email, string_agg(r.sms::text, '' ORDER BY r.ord) AS sms,
    string_agg(r.known::int::text, '' ORDER BY r.ord) AS known,
    json_build_array(max(r.seq) FILTER (WHERE r.priority = 0), max(r.seq) FILTER (WHERE r.priority = 1),
      max(r.seq) FILTER (WHERE r.priority = 2), max(r.seq) FILTER (WHERE r.priority = 3)) AS reached
  FROM r, b GROUP BY b.id, b.started_at`;

export interface ClaimOptions {
  /** The lowest class may go before the middle ones. @default false */
  readonly share?: boolean;
  /** When the call will leave, for the books; milliseconds from now. @default 0 */
  readonly departsInMs?: number;
  /** Where to begin in the open queue. @default its start */
  readonly floors?: Floors;
  /** The platform has ids of its own that may be known. @default false */
  readonly identified?: boolean;
  /** Nothing else may leave just now: what else is ready stays. @default false */
  readonly onlyOptOuts?: boolean;
  /** The account of a restored ledger: nothing that is as old may leave. @default false */
  readonly held?: boolean;
}

/**
 * Moves up to `size` ready rows from the outbox into a new batch, in one statement, under the lease.
 * Rows of a contact that is already in flight stay behind.
 *
 * @returns undefined when nothing was ready, the lane was blocked or paused meanwhile, or the lease is no longer ours
 */
export async function claimBatch(
  db: Queryable,
  lease: Lease,
  group: Pick<Claimable, 'destinationId' | 'action' | 'kind' | 'form' | 'bundle'>,
  size: number,
  { share = false, departsInMs = 0, floors = NO_FLOORS, identified = false, onlyOptOuts = false, held = false }: ClaimOptions = {},
): Promise<ClaimedBatch | undefined> {
  const values: unknown[] = [group.destinationId, group.kind, size, lease.accountId, lease.fence, departsInMs, group.bundle];
  let head = BUNDLED;
  if (group.bundle === null) {
    // No row is of a class below the first.
    const order = onlyOptOuts ? [0, -1, -1, -1] : classOrder(share);
    values.push(...order, floors);
    head = `SELECT * FROM (${order.map((_, index) => LOOSE(`$${8 + index}`, held)).join(' UNION ALL ')}) u LIMIT $3`;
  } else {
    values.push(onlyOptOuts);
  }
  const { rows } = await db.query<ClaimedLines>({ name: group.bundle === null ? (held ? 'claim-held' : 'claim-loose') : 'claim-bundle', text: claimSql(head), values });
  const lines = rows[0];
  if (!lines) return undefined;
  const more = group.form.renames || identified ? await platformSide(db, lines.id) : undefined;
  const fields = lines.fields.split('\n');
  const digit = (text: string, at: number): ConsentCode => (text.charCodeAt(at) - 48) as ConsentCode;
  return {
    id: lines.id,
    destinationId: group.destinationId,
    bundle: group.bundle,
    form: group.form,
    startedAt: lines.started_at,
    reached: lines.reached.map((seq) => seq ?? 0) as unknown as Floors,
    attempts: lines.attempts,
    rows: lines.keys.split('\n').map((key, ord) => ({
      ord, key, action: group.action, fields: fields[ord] as string,
      emailConsent: digit(lines.email, ord), smsConsent: digit(lines.sms, ord), known: lines.known[ord] === '1',
      previousKey: more?.get(ord)?.previousKey ?? null, platformId: more?.get(ord)?.platformId ?? null,
    })),
  };
}

/** What a claimed row has beside its fields where there is any: its former key, its id at the platform. By position. */
async function platformSide(db: Queryable, batchId: number): Promise<ReadonlyMap<number, Pick<OutgoingRow, 'previousKey' | 'platformId'>>> {
  const { rows } = await db.query<{ ord: number; previousKey: string | null; platformId: string | null }>(
    `SELECT r.ord, r.previous_key AS "previousKey", COALESCE(c.platform_id, p.platform_id) AS "platformId"
     FROM batch_row r LEFT JOIN contact c ON c.destination_id = r.destination_id AND c.key = r.key
     LEFT JOIN contact p ON p.destination_id = r.destination_id AND p.key = r.previous_key
     WHERE r.batch_id = $1 AND (r.previous_key IS NOT NULL OR c.platform_id IS NOT NULL)`,
    [batchId],
  );
  return new Map(rows.map(({ ord, ...row }) => [ord, row]));
}

/** The rows of a call as it was sent, for asking the platform about it. */
export async function sentRows(db: Queryable, batchId: number): Promise<{ readonly form: CallForm; readonly rows: readonly OutgoingRow[] }> {
  const { rows } = await db.query<OutgoingRow & { readonly formBits: number }>(
    `SELECT r.ord, r.key, k.action, r.fields, r.email AS "emailConsent", r.sms AS "smsConsent", r.known, r.previous_key AS "previousKey",
       NULL AS "platformId", k.form AS "formBits"
     FROM batch b JOIN kind k ON k.id = b.kind JOIN batch_row r ON r.batch_id = b.id WHERE b.id = $1 AND r.outcome IS NULL ORDER BY r.ord`,
    [batchId],
  );
  return { form: formOf(rows[0]?.formBits ?? 0), rows: rows.map(({ formBits: _, ...row }) => row) };
}
