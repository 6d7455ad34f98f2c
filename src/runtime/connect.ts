import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, isGrpcServiceError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import type { TemporalConfig } from '../config/index.js';
import { RuntimeError, words } from './errors.js';

/** How a Temporal server is reached: for the client's and the worker's connection alike. */
export interface TemporalAccess {
  readonly address: string;
  readonly apiKey?: string;
  readonly tls?: { readonly serverRootCACertificate?: Buffer; readonly clientCertPair?: { readonly crt: Buffer; readonly key: Buffer } } | true;
}

/**
 * Reads the certificates. With an API key the connection is always encrypted.
 * @throws RuntimeError where a file is missing or only one of certificate and key is named
 */
export function accessOf(address: string, config: Pick<TemporalConfig, 'apiKey' | 'tls'>): TemporalAccess {
  const { tls, apiKey } = config;
  const key = apiKey === undefined ? {} : { apiKey };
  if (tls === undefined) return { address, ...key, ...(apiKey === undefined ? {} : { tls: true as const }) };
  if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
    throw new RuntimeError('misconfigured', 'temporal.tls names only one of certFile and keyFile', 'name both, or neither');
  }
  const pair = tls.certFile !== undefined && tls.keyFile !== undefined ? { clientCertPair: { crt: load('certFile', tls.certFile), key: load('keyFile', tls.keyFile) } } : {};
  const ca = tls.caFile === undefined ? {} : { serverRootCACertificate: load('caFile', tls.caFile) };
  return { address, ...key, tls: { ...pair, ...ca } };
}

function load(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new RuntimeError('misconfigured', `temporal.tls.${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

/** Connects within `ms` milliseconds. Reconnects by itself within a second after a server comes back. */
export function openConnection(access: TemporalAccess, ms: number): Promise<Connection> {
  return Connection.connect({
    ...access,
    connectTimeout: ms,
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.min_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1_000 },
  });
}

const UNAUTHENTICATED = 16;
const PERMISSION_DENIED = 7;
const NOT_FOUND = 5;

/**
 * Connects, trying for at most `ms` milliseconds, and sees that the namespace is there; `make` makes a missing one.
 * @throws RuntimeError `misconfigured` where we are refused, `unreachable` where nobody answers
 */
export async function reachTemporal(access: TemporalAccess, namespace: string, ms: number, report: (line: string) => void, make = false): Promise<Connection> {
  let told = false;
  for (const end = Date.now() + ms; ;) {
    let connection: Connection | undefined;
    try {
      const left = Math.min(10_000, Math.max(1_000, end - Date.now()));
      const opened = (connection = await openConnection(access, left));
      await opened.withDeadline(Date.now() + left, () => opened.workflowService.describeNamespace({ namespace }));
      return opened;
    } catch (error) {
      await connection?.close();
      const code = codeOf(error);
      if (code === NOT_FOUND && make && Date.now() < end) {
        await registerNamespace(access, namespace);
        continue;
      }
      if (code === NOT_FOUND) {
        throw new RuntimeError('misconfigured', `Temporal at ${access.address} has no namespace "${namespace}"`, 'check temporal.namespace, or make the namespace there');
      }
      if (code === UNAUTHENTICATED || code === PERMISSION_DENIED) {
        throw new RuntimeError('misconfigured', `Temporal at ${access.address} refuses us: ${words(error)}`, 'check temporal.apiKey or temporal.tls');
      }
      if (Date.now() >= end) {
        throw new RuntimeError('unreachable', `Temporal at ${access.address} was not reached: ${words(error)}`, 'check temporal.address (or TEMPORAL_ADDRESS) and that the server is up');
      }
      if (!told) report(`waiting for Temporal at ${access.address}`);
      told = true;
      await delay(Math.min(500, Math.max(10, end - Date.now())));
    }
  }
}

/** A new namespace is known everywhere in a development server only after some seconds: the caller asks again. */
async function registerNamespace(access: TemporalAccess, namespace: string): Promise<void> {
  const connection = await openConnection(access, 10_000);
  try {
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('7 days') });
  } catch {
    // Another process was faster; if not, the next look says what is wrong.
  } finally {
    await connection.close();
  }
  await delay(200);
}

function codeOf(error: unknown): number | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (isGrpcServiceError(at)) return at.code;
  return null;
}
