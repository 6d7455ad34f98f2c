import type { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { TemporalConfig } from '../config/index.js';
import type { TemporalAccess } from './connect.js';
import { uiUrlOf } from './find-running.js';
import { postgresPart, temporalPart, type Part } from './parts.js';
import { awaitPostgres } from './postgres-client.js';
import { postgresUrl } from './postgres.js';
import { ensureSearchAttributes } from './search-attributes.js';
import { joinParts, type Share } from './share.js';
import { placesOf } from './state.js';
import { findTemporal } from './temporal-binary.js';

export interface RuntimeOptions {
  /** The folder of the configuration file; embedded parts keep their state in `.syncline/` there. */
  readonly directory: string;
  readonly database: { readonly url: string } | null;
  readonly temporal: TemporalConfig;
  /** Progress in words: `starting Postgres…`. */
  readonly report: (line: string) => void;
  /** Milliseconds to wait for configured servers that do not answer. @default 60000 */
  readonly reachTimeoutMs?: number;
  /** Milliseconds the SDK's own download of Temporal may take before the next way is tried. @default 10000 */
  readonly fetchTimeoutMs?: number;
  /** @default both */
  readonly need?: { readonly temporal?: boolean; readonly postgres?: boolean };
  /** TEMPORAL_ADDRESS, PATH and XDG_CACHE_HOME are read from it. @default process.env */
  readonly env?: NodeJS.ProcessEnv;
}

/** Temporal and Postgres, found or started. The getters of a part that was not needed throw. */
export interface Runtime {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** What every id in the namespace begins with; undefined: nothing. */
  readonly prefix: string | undefined;
  /** Of the embedded Temporal; null where the server is somebody else's. */
  readonly uiUrl: string | null;
  readonly embeddedTemporal: boolean;
  readonly embeddedPostgres: boolean;
  /** Whether workflows may set {@link SEARCH_ATTRIBUTES}. */
  readonly searchAttributes: boolean;
  /** How what Temporal stores is written and read; encrypted where there is a key. */
  readonly dataConverter: DataConverter;
  /** What Temporal stores is encrypted. */
  readonly encrypted: boolean;
  readonly connection: Connection;
  readonly client: Client;
  /** The worker's connection; made at the first call, closed by {@link close}. */
  nativeConnection(): Promise<NativeConnection>;
  /** Leaves. The last user of embedded parts stops them. May be called twice. */
  close(): Promise<void>;
}

/**
 * Finds or starts what is needed. Temporal's SDK is loaded only where it is: half of a short command's time.
 * @throws RuntimeError, after everything this call started is stopped again
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const env = options.env ?? process.env;
  const { temporal: needTemporal = true, postgres: needPostgres = true } = options.need ?? {};
  const places = placesOf(options.directory);
  const { namespace, taskQueue, prefix } = options.temporal;
  const address = options.temporal.address ?? (env.TEMPORAL_ADDRESS || null);
  const embeddedTemporal = needTemporal && address === null;
  const embeddedPostgres = needPostgres && options.database === null;
  const reachMs = options.reachTimeoutMs ?? 60_000;

  const executable = (): Promise<string> => findTemporal({ env, report: options.report, sdkDownloadMs: options.fetchTimeoutMs });
  const wanted: Part[] = [
    ...(embeddedPostgres ? [postgresPart(places)] : []),
    ...(embeddedTemporal ? [temporalPart(places, namespace, executable)] : []),
  ];
  const share: Share | null = wanted.length === 0 ? null : await joinParts(places, wanted, options.report);
  let connection: Connection | null = null;
  let native: Promise<NativeConnection> | null = null;
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => (closing ??= (async () => {
    await (await native?.catch(() => null))?.close().catch(() => undefined);
    await connection?.close();
    await share?.leave();
  })());

  try {
    const databaseUrl = embeddedPostgres ? postgresUrl(places, share?.parts.postgres?.port ?? 0) : (options.database?.url ?? null);
    const access: TemporalAccess | null = !needTemporal ? null
      : embeddedTemporal ? { address: `127.0.0.1:${share?.parts.temporal?.port ?? 0}` } : (await import('./connect.js')).accessOf(address ?? '', options.temporal);
    const [reached] = await Promise.all([
      access === null ? null : reach(access, namespace, embeddedTemporal, reachMs, options.report),
      needPostgres && !embeddedPostgres && databaseUrl !== null ? awaitPostgres(databaseUrl, reachMs, options.report) : null,
    ]);
    connection = reached?.connection ?? null;
    const dataConverter = connection === null ? null : (await import('./codec.js')).dataConverterOf(options.temporal);
    const client = connection === null ? null : new (await import('@temporalio/client')).Client({ connection, namespace, dataConverter: given(dataConverter, 'Temporal') });
    return {
      get databaseUrl() { return given(needPostgres ? databaseUrl : null, 'Postgres'); },
      get temporalAddress() { return given(access, 'Temporal').address; },
      namespace, taskQueue, prefix, embeddedTemporal, embeddedPostgres, close,
      get uiUrl() { return embeddedTemporal ? uiUrlOf(share?.parts.temporal?.uiPort) : null; },
      searchAttributes: reached?.searchAttributes ?? false,
      encrypted: options.temporal.encryptionKey !== undefined,
      get dataConverter() { return given(dataConverter, 'Temporal'); },
      get connection() { return given(connection, 'Temporal'); },
      get client() { return given(client, 'Temporal'); },
      nativeConnection: () => (native ??= connectNative(given(access, 'Temporal'))),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function given<T>(value: T | null, what: string): T {
  if (value === null) throw new Error(`this runtime was opened without ${what}`);
  return value;
}

async function reach(access: TemporalAccess, namespace: string, embedded: boolean, ms: number, report: (line: string) => void) {
  const { reachTemporal } = await import('./connect.js');
  const connection = await reachTemporal(access, namespace, ms, report, embedded);
  const searchAttributes = await ensureSearchAttributes(connection, namespace);
  if (!searchAttributes) report('this Temporal takes no search attributes: going on without them');
  return { connection, searchAttributes };
}

async function connectNative(access: TemporalAccess): Promise<NativeConnection> {
  const { NativeConnection } = await import('@temporalio/worker');
  (await import('./sdk.js')).installSdk();
  return NativeConnection.connect(access);
}
