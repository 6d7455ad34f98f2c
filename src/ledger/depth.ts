import type { Queryable } from './database.js';
import type { UncountedRun } from './totals.js';

/** Classes of the queue, by their priority in the outbox. */
export const CLASSES = ['opt_out', 'incremental', 'retry', 'backfill'] as const;
export type QueueClass = (typeof CLASSES)[number];

/** Opt-outs that are counted one by one, at most: beyond it they count among the rows of their run's class. */
const MOST_OPT_OUTS = 20_000;
/** Rows at the head of a queue that are looked at for the oldest: a row that is replaced there keeps its place. */
const HEAD = 50;

const CLASS_OF_KIND: Readonly<Record<string, QueueClass>> = { optOut: 'opt_out', erase: 'opt_out', retry: 'retry', backfill: 'backfill' };

/** What waits for a destination, by class. */
export interface WaitingDepth {
  readonly destination: string;
  readonly class: QueueClass;
  readonly rows: number;
}

/**
 * What waits, by destination and class, without counting rows: that would take a second and more for a million. The
 * books of runs know what is left of each; only opt-outs are counted, in their order.
 */
export async function waitingDepths(db: Queryable, runs: readonly UncountedRun[]): Promise<readonly WaitingDepth[]> {
  const { rows } = await db.query<{ no: number; count: number }>(
    `SELECT x.run_no AS no, count(*) FROM (
       SELECT o.run_no FROM kind k CROSS JOIN LATERAL (SELECT run_no FROM outbox WHERE kind = k.id AND priority = 0 AND bundle IS NULL LIMIT $1) o LIMIT $1
     ) x GROUP BY 1`, [MOST_OPT_OUTS]);
  const optOuts = new Map(rows.map(({ no, count }) => [no, count]));
  const depths = new Map<string, number>();
  const add = (destination: string, name: QueueClass, count: number): void => { depths.set(`${destination}\n${name}`, (depths.get(`${destination}\n${name}`) ?? 0) + count); };
  for (const { no, destination, kind, counts } of runs) {
    const urgent = Math.min(optOuts.get(no) ?? 0, counts.waiting);
    add(destination, 'opt_out', urgent);
    add(destination, CLASS_OF_KIND[kind] ?? 'incremental', counts.waiting - urgent);
  }
  return [...depths].map(([name, count]) => {
    const [destination, ofClass] = name.split('\n') as [string, QueueClass];
    return { destination, class: ofClass, rows: count };
  });
}

export interface OldestWaiting {
  readonly destination: string;
  readonly class: QueueClass;
  readonly seconds: number;
}

/** How long the row that waits longest has waited, by destination and class: the heads of the queues are looked at. */
export async function oldestWaiting(db: Queryable): Promise<readonly OldestWaiting[]> {
  const { rows } = await db.query<{ destination: string; priority: number; seconds: number }>(
    `SELECT d.name AS destination, x.priority, GREATEST(EXTRACT(EPOCH FROM clock_timestamp() - min(x.staged_at)), 0)::float8 AS seconds FROM (
       SELECT k.destination_id, o.priority, o.staged_at FROM kind k CROSS JOIN generate_series(0, 3) p
       CROSS JOIN LATERAL (SELECT priority, staged_at FROM outbox WHERE kind = k.id AND priority = p AND bundle IS NULL ORDER BY seq LIMIT $1) o
       UNION ALL
       SELECT * FROM (SELECT b.id AS destination_id, o.priority, o.staged_at FROM destination b
         CROSS JOIN LATERAL (SELECT priority, staged_at FROM outbox WHERE destination_id = b.id AND bundle IS NOT NULL LIMIT 1000) o) bundled
     ) x JOIN destination d ON d.id = x.destination_id GROUP BY 1, 2`, [HEAD]);
  return rows.map(({ destination, priority, seconds }) => ({ destination, class: CLASSES[priority] ?? 'incremental', seconds }));
}

/** What is under way at a destination. */
export interface FlyingDepth {
  readonly account: string;
  readonly destination: string;
  /** `sending`, `accepted` or `unknown`. */
  readonly status: string;
  readonly calls: number;
  readonly rows: number;
  /** Seconds the opt-out that is longest under way has been known to us; null: none is. */
  readonly oldestOptOut: number | null;
}

export async function inFlight(db: Queryable): Promise<readonly FlyingDepth[]> {
  const { rows } = await db.query<FlyingDepth>(
    `SELECT a.name AS account, d.name AS destination, b.status, count(*) AS calls, sum(b.rows)::bigint AS rows,
       EXTRACT(EPOCH FROM clock_timestamp() - min((SELECT min(r.staged_at) FROM batch_row r WHERE r.batch_id = b.id AND r.outcome IS NULL)))::float8 AS "oldestOptOut"
     FROM batch b JOIN account a ON a.id = b.account_id JOIN destination d ON d.id = b.destination_id
     WHERE b.status IN ('sending', 'accepted', 'unknown') GROUP BY 1, 2, 3`);
  return rows;
}
