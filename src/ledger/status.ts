import type { Queryable } from './database.js';
import type { LaneStatus, StatusDocument, SyncStatus } from './documents.js';
import { isoTime } from './reports.js';

/** Opt-outs of a destination whose times are looked at. */
const LATEST_EFFECTS = 1_000;

/** SQL: median and 95th percentile of an interval, in seconds. */
const percentiles = (interval: string): string => {
  const at = (share: number): string => `round((percentile_cont(${share}) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM GREATEST(${interval}, interval '0'))))::numeric, 3)`;
  return `json_build_object('p50Seconds', ${at(0.5)}, 'p95Seconds', ${at(0.95)})`;
};

/** How every sync and lane stands. Syncs that left the configuration are not shown. */
export async function statusDocument(db: Queryable): Promise<StatusDocument> {
  const syncs = await db.query<SyncStatus>(
    `SELECT s.name AS sync, s.source, d.name AS destination, a.name AS account, s.cursor,
       (SELECT round(EXTRACT(EPOCH FROM clock_timestamp() - max(r.started_at)))::bigint FROM run r
        WHERE r.sync_id = s.id AND r.kind IN ('incremental', 'full') AND r.extracted_at IS NOT NULL AND r.status <> 'failed') AS "lagSeconds",
       (SELECT json_build_object('run', r.id, 'kind', r.kind, 'status', r.status, 'startedAt', ${isoTime('r.started_at')}, 'endedAt', ${isoTime('r.ended_at')})
        FROM run r WHERE r.sync_id = s.id AND r.kind NOT IN ('optOut', 'erase') ORDER BY r.no DESC LIMIT 1) AS "lastRun",
       NULL AS "nextRun",
       (SELECT json_build_object('run', r.id, 'paused', r.options ? 'paused') FROM run r WHERE r.sync_id = s.id AND r.kind = 'backfill' AND r.extracting) AS backfill,
       (SELECT count(*) FROM outbox o WHERE o.destination_id = d.id AND o.sync_id = s.id) AS waiting,
       (SELECT count(*) FROM batch_row br JOIN batch b ON b.id = br.batch_id
        WHERE b.destination_id = d.id AND b.status IN ('sending', 'accepted', 'unknown') AND br.sync_id = s.id AND br.outcome IS NULL) AS "inFlight",
       (SELECT count(*) FROM rejection x WHERE x.sync_id = s.id AND x.resolved_at IS NULL) AS failures
     FROM sync s JOIN destination d ON d.id = s.destination_id JOIN account a ON a.id = d.account_id WHERE NOT s.retired ORDER BY s.name`,
  );
  const lanes = await db.query<LaneStatus>(
    `SELECT a.name AS account, a.state, a.reason, a.hint, ${isoTime('a.until')} AS until, w.waiting,
       COALESCE(f.rows, 0) AS "inFlight", COALESCE(f.unknown, 0) AS unknown,
       round(EXTRACT(EPOCH FROM clock_timestamp() - w.oldest))::bigint AS "oldestWaitingSeconds",
       (SELECT count(*) FROM pace_slot p WHERE p.account_id = a.id AND p.started_at > clock_timestamp() - interval '1 minute') AS "callsLastMinute",
       (SELECT count(*) FROM batch b WHERE b.account_id = a.id AND b.status = 'accepted') AS accepted,
       json_build_object('waiting', w.opt_outs, 'oldestWaitingSeconds', round(EXTRACT(EPOCH FROM clock_timestamp() - w.oldest_opt_out))::bigint,
         'effective', e.count, 'fromSource', e.from_source, 'fromStaging', e.from_staging) AS "optOuts",
       (SELECT COALESCE(json_agg(d.name || ': ' || n.note ORDER BY d.name), '[]') FROM destination d, jsonb_array_elements_text(d.notes) n (note)
        WHERE d.account_id = a.id) AS notices
     FROM account a
     CROSS JOIN LATERAL (
       SELECT count(*) AS waiting, min(o.staged_at) AS oldest, count(*) FILTER (WHERE o.priority = 0) AS opt_outs,
         min(o.staged_at) FILTER (WHERE o.priority = 0) AS oldest_opt_out FROM destination d JOIN outbox o ON o.destination_id = d.id WHERE d.account_id = a.id
     ) w
     CROSS JOIN LATERAL (
       SELECT sum(b.rows) AS rows, sum(b.rows) FILTER (WHERE b.status = 'unknown') AS unknown FROM batch b
       WHERE b.account_id = a.id AND b.status IN ('sending', 'accepted', 'unknown')
     ) f
     CROSS JOIN LATERAL (
       -- How long the last of them took: from the source's own time of the change, and from our having read it.
       SELECT count(*) AS count, CASE WHEN count(*) > 0 THEN ${percentiles('x.at - x.version')} END AS from_source,
         CASE WHEN count(*) > 0 THEN ${percentiles('x.at - x.staged_at')} END AS from_staging
       FROM (SELECT l.* FROM destination d CROSS JOIN LATERAL (
           SELECT t.* FROM opt_out_effect t WHERE t.destination_id = d.id ORDER BY t.id DESC LIMIT ${LATEST_EFFECTS}) l
         WHERE d.account_id = a.id) x
     ) e
     ORDER BY a.name`,
  );
  return { syncs: syncs.rows, lanes: lanes.rows };
}
