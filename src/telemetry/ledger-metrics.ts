import { Counter, type Registry } from 'prom-client';
import { CLASSES, measureLedger, type LedgerMeasures, type Pool, type RunStatus } from '../ledger/index.js';
import { bounded, firstFew } from './labels.js';
import { gauge } from './metrics.js';

/** What is known is told again for so long: ten scrapers cost as much as one. Milliseconds. */
const FRESH_MS = 10_000;
/** After a failure the ledger is left alone for so long. Milliseconds. */
const FAILED_FRESH_MS = 2_000;
/** A ledger that takes longer is told as not answering. Milliseconds. */
const WITHIN_MS = 2_500;
/** Codes of failures, and locales, that have a series of their own for each sync. */
const MOST_CODES = 30;
const MOST_LOCALES = 100;

const LANE_STATES = ['idle', 'sending', 'waiting', 'backing_off', 'paused', 'blocked'] as const;
const RUN_STATUSES: readonly RunStatus[] = ['running', 'delivering', 'completed', 'completed_with_rejects', 'failed', 'cancelled'];

export interface LedgerMetricsOptions {
  readonly pool: Pool;
  /** The ledger cannot be measured, or can again; a line in words. */
  readonly warn: (line: string) => void;
  /** Milliseconds the ledger may take for a scrape. @default 2500 */
  readonly withinMs?: number;
}

/**
 * What the ledger knows, measured when somebody scrapes: the same numbers from every worker.
 * @returns measures, where that is due; never rejects
 */
export function ledgerMetrics(registry: Registry, { pool, warn, withinMs = WITHIN_MS }: LedgerMetricsOptions): () => Promise<void> {
  const up = gauge(registry, 'syncline_ledger_up', 'Whether the ledger (Postgres) was measured for this scrape; 0: what comes from it is left out.', []);
  const took = gauge(registry, 'syncline_ledger_measure_seconds', 'How long measuring the ledger took last.', []);
  const all = ledgerGauges(registry);
  let freshUntil = -Infinity;
  let measuring: Promise<void> | undefined;
  let failing = false;
  const measure = async (): Promise<void> => {
    const startedAt = performance.now();
    try {
      const measures = await soon(measureLedger(pool, withinMs), withinMs);
      all.reset();
      all.set(measures);
      up.set(1);
      if (failing) warn('metrics: the ledger is measured again');
      failing = false;
      freshUntil = performance.now() + FRESH_MS;
    } catch (error) {
      if (!failing) warn(`metrics: the ledger could not be measured (syncline_ledger_up 0): ${error instanceof Error ? error.message : 'no reason was given'}`);
      failing = true;
      // Numbers of a while ago would look like those of now.
      all.reset();
      up.set(0);
      freshUntil = performance.now() + FAILED_FRESH_MS;
    }
    took.set((performance.now() - startedAt) / 1000);
  };
  return () => {
    if (performance.now() < freshUntil) return Promise.resolve();
    return (measuring ??= measure().finally(() => { measuring = undefined; }));
  };
}

/** A connection that is not to be had in time is given up as well; whoever waits for the scrape has a time-out, too. */
async function soon<T>(work: Promise<T>, withinMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Error('no connection to the ledger was to be had')); }, withinMs); });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The metrics themselves. Totals are counters that are set: the ledger has counted. */
function ledgerGauges(registry: Registry): { set(measures: LedgerMeasures): void; reset(): void } {
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> => new Counter({ name, help, labelNames, registers: [registry] });
  const rowsRead = counter('syncline_rows_read_total', 'Rows runs have read, ever.', ['sync']);
  const rows = counter('syncline_rows_total', 'What became of rows, ever. Their sum is syncline_rows_read_total less what waits or is in flight.', ['sync', 'outcome']);
  const waits = counter('syncline_lane_wait_seconds_total', 'Seconds an account made no calls, by cause, ever.', ['account', 'cause']);
  const waiting = gauge(registry, 'syncline_waiting_rows', 'Rows that wait for a destination, by class of the queue.', ['account', 'destination', 'class']);
  const oldest = gauge(registry, 'syncline_oldest_waiting_seconds', 'How long the row that waits longest has waited; 0: none waits.', ['account', 'destination', 'class']);
  const optOut = gauge(registry, 'syncline_oldest_opt_out_seconds', 'How long the oldest opt-out that has not taken effect, waiting or under way, has been known; 0: there is none.', ['account', 'destination']);
  const flyingRows = gauge(registry, 'syncline_in_flight_rows', 'Rows in calls whose result is not known yet.', ['account', 'destination', 'status']);
  const flyingCalls = gauge(registry, 'syncline_in_flight_calls', 'Calls whose result is not known yet.', ['account', 'destination', 'status']);
  const lane = gauge(registry, 'syncline_lane_state', '1 for the state the lane of an account is in, 0 for the others.', ['account', 'state']);
  const lag = gauge(registry, 'syncline_cursor_lag_seconds', 'Seconds since the last reading of the source that came to its end began.', ['sync']);
  const status = gauge(registry, 'syncline_last_run_status', '1 for the status of the last run of a sync, 0 for the others.', ['sync', 'status']);
  const ended = gauge(registry, 'syncline_last_run_ended_timestamp_seconds', 'When the last run of a sync ended; absent while it is open.', ['sync']);
  const duration = gauge(registry, 'syncline_last_run_duration_seconds', 'How long the last run of a sync took; absent while it is open.', ['sync']);
  const verdict = gauge(registry, 'syncline_verification_passed', '1 where the last verification of a sync passed, 0 where it failed.', ['sync']);
  const verified = gauge(registry, 'syncline_verification_timestamp_seconds', 'When a sync was verified last.', ['sync']);
  const perLocale = ['sync', 'locale'] as const;
  const localePassed = gauge(registry, 'syncline_verification_locale_passed', '1 where a locale passed in the last verification, 0 where it failed.', perLocale);
  const expected = gauge(registry, 'syncline_verification_expected_contacts', 'Opted-in contacts the source side has, in the last verification.', perLocale);
  const found = gauge(registry, 'syncline_verification_found_contacts', 'Opted-in contacts the destination has, in the last verification.', perLocale);
  const missing = gauge(registry, 'syncline_verification_missing_contacts', 'Contacts missing at the destination, in the last verification.', perLocale);
  const unexpected = gauge(registry, 'syncline_verification_unexpected_contacts', 'Contacts opted in at the destination only, in the last verification.', perLocale);
  const failures = gauge(registry, 'syncline_open_failures', 'Rows that were not delivered and stand open, by code.', ['sync', 'code']);
  const bytes = gauge(registry, 'syncline_ledger_bytes', 'What the ledger takes on disk, indexes and all.', []);
  const every = [
    rowsRead, rows, waits, waiting, oldest, optOut, flyingRows, flyingCalls, lane, lag, status, ended, duration, verdict, verified, localePassed, expected, found,
    missing, unexpected, failures,
  ];

  const setLanes = (measures: LedgerMeasures): void => {
    const accounts = new Map(measures.lanes.flatMap(({ account, destinations }) => destinations.map((destination) => [destination, account] as const)));
    for (const { account, state: now } of measures.lanes) for (const state of LANE_STATES) lane.set({ account, state }, state === now ? 1 : 0);
    for (const [destination, account] of accounts) {
      if (measures.waiting !== null) for (const name of CLASSES) waiting.set({ account, destination, class: name }, 0);
      for (const name of CLASSES) oldest.set({ account, destination, class: name }, 0);
      for (const flying of ['sending', 'accepted', 'unknown']) {
        flyingRows.set({ account, destination, status: flying }, 0);
        flyingCalls.set({ account, destination, status: flying }, 0);
      }
      const optOuts = [
        ...measures.oldest.filter((row) => row.destination === destination && row.class === 'opt_out').map((row) => row.seconds),
        ...measures.inFlight.filter((row) => row.destination === destination).map((row) => row.oldestOptOut ?? 0),
      ];
      optOut.set({ account, destination }, Math.max(0, ...optOuts));
    }
    for (const row of measures.waiting ?? []) waiting.set({ account: accounts.get(row.destination) ?? '', destination: row.destination, class: row.class }, row.rows);
    for (const row of measures.oldest) oldest.set({ account: accounts.get(row.destination) ?? '', destination: row.destination, class: row.class }, row.seconds);
    for (const row of measures.inFlight) {
      flyingRows.set({ account: row.account, destination: row.destination, status: row.status }, row.rows);
      flyingCalls.set({ account: row.account, destination: row.destination, status: row.status }, row.calls);
    }
    for (const { account, cause, seconds } of measures.waits) waits.inc({ account, cause }, seconds);
  };

  const setSyncs = (measures: LedgerMeasures): void => {
    for (const { sync, outcome, rows: count } of measures.rows ?? []) {
      if (outcome === 'read') rowsRead.inc({ sync }, count);
      else rows.inc({ sync, outcome }, count);
    }
    for (const row of measures.syncs) {
      const { sync, verification } = row;
      if (row.lag !== null) lag.set({ sync }, row.lag);
      if (row.status !== null) for (const name of RUN_STATUSES) status.set({ sync, status: name }, name === row.status ? 1 : 0);
      if (row.endedAt !== null && row.startedAt !== null) {
        ended.set({ sync }, row.endedAt);
        duration.set({ sync }, row.endedAt - row.startedAt);
      }
      if (verification === null) continue;
      verdict.set({ sync }, verification.verdict === 'pass' ? 1 : 0);
      verified.set({ sync }, row.verifiedAt ?? 0);
      for (const one of [...verification.locales].sort((a, b) => b.expected - a.expected).slice(0, MOST_LOCALES)) {
        const labels = { sync, locale: bounded(one.locale) };
        localePassed.set(labels, one.pass ? 1 : 0);
        expected.set(labels, one.expected);
        found.set(labels, one.found);
        missing.set(labels, one.missing);
        unexpected.set(labels, one.unexpected);
      }
    }
  };

  const setFailures = (measures: LedgerMeasures): void => {
    for (const { sync } of measures.syncs) {
      const ofSync = measures.failures.filter((row) => row.sync === sync);
      const nameOf = firstFew(ofSync, MOST_CODES, (row) => row.code);
      // Always there, so that a rise from none is seen as one.
      failures.set({ sync, code: 'invalid' }, 0);
      for (const row of ofSync) failures.inc({ sync, code: nameOf(row) }, row.count);
    }
  };

  return {
    reset: () => {
      for (const metric of every) metric.reset();
      bytes.remove();
    },
    set: (measures) => {
      setLanes(measures);
      setSyncs(measures);
      setFailures(measures);
      bytes.set(measures.bytes);
    },
  };
}
