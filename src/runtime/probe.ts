import path from 'node:path';
import type { TemporalConfig } from '../config/index.js';
import { findRunning } from './find-running.js';
import { findPostgres } from './postgres-binaries.js';
import { awaitPostgres } from './postgres-client.js';
import { postgresUrl } from './postgres.js';
import { placesOf } from './state.js';
import { temporalAtHand } from './temporal-binary.js';

/** A worker that has not asked for work for so long is gone: its question lasts a minute. Milliseconds. */
const SILENT_MS = 75_000;
/** temporal.api.enums.v1.TaskQueueType */
const WORKFLOW_TASKS = 1;

/** What a Temporal server was found to be like. */
export interface TemporalFound {
  readonly address: string;
  /** Search attributes that are not there. */
  readonly missing: readonly string[];
  /** Workers that asked for work of the task queue lately; null: Temporal does not say. */
  readonly workers: number | null;
}

/**
 * Connects to a Temporal, looks, and leaves; registers and starts nothing.
 * @param ms how long is tried, milliseconds
 * @throws RuntimeError where it is not reached, refuses us or has no such namespace
 */
export async function probeTemporal(address: string, config: TemporalConfig, ms: number): Promise<TemporalFound> {
  const [{ accessOf, reachTemporal }, { missingSearchAttributes }] = await Promise.all([import('./connect.js'), import('./search-attributes.js')]);
  const { namespace, taskQueue } = config;
  const connection = await reachTemporal(accessOf(address, config), namespace, ms, () => undefined);
  try {
    const [missing, workers] = await Promise.all([
      missingSearchAttributes(connection, namespace),
      connection.withDeadline(Date.now() + ms, () => connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType: WORKFLOW_TASKS })).then(
        ({ pollers }) => (pollers ?? []).filter(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < SILENT_MS).length,
        () => null,
      ),
    ]);
    return { address, missing, workers };
  } finally {
    await connection.close();
  }
}

/**
 * Sees that a configured Postgres takes us.
 * @param ms how long is tried, milliseconds
 * @throws RuntimeError `misconfigured` where it refuses us, `unreachable` where it does not answer
 */
export function probePostgres(url: string, ms: number): Promise<void> {
  return awaitPostgres(url, ms, () => undefined);
}

/** What could be started beside a configuration file, and what of it runs. Starts and fetches nothing. */
export interface EmbeddedFound {
  /** Of the running server; null: it does not run. */
  readonly temporalAddress: string | null;
  /** Whether Temporal's program is there without a download. */
  temporalAtHand(): Promise<boolean>;
  /** Of the running server, with its password; null: it does not run. */
  readonly databaseUrl: string | null;
  /** @throws RuntimeError where there is no Postgres for this machine */
  postgresAtHand(): Promise<void>;
}

/** Looks for the embedded services of the configuration file in `directory`. */
export function probeEmbedded(directory: string, env: NodeJS.ProcessEnv): EmbeddedFound {
  const places = placesOf(directory);
  const running = findRunning(directory);
  const postgres = running?.postgres ?? null;
  return {
    temporalAddress: running?.temporal?.address ?? null,
    temporalAtHand: async () => (await temporalAtHand(env)) !== null,
    get databaseUrl() { return postgres === null ? null : postgresUrl(places, postgres.port); },
    postgresAtHand: async () => void (await findPostgres(path.join(places.root, 'lib'))),
  };
}
