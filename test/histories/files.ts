import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const EXTENSION = '.json.gz';

export type FetchedHistory = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** An event of a history as Temporal writes it in JSON. */
export interface HistoryEvent {
  readonly eventType: string;
  readonly [attributes: string]: unknown;
}

/** A recorded execution of a workflow. */
export interface RecordedHistory {
  /** `VERSION/NAME`. */
  readonly name: string;
  readonly version: string;
  readonly workflowType: string;
  readonly workflowId: string;
  readonly history: { readonly events: readonly HistoryEvent[] };
}

/** Every recorded history, of every version. */
export function recordedHistories(): readonly RecordedHistory[] {
  const versions = readdirSync(HERE, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
  return versions.flatMap((version) => readdirSync(path.join(HERE, version)).filter((file) => file.endsWith(EXTENSION)).sort().map((file) => ({
    version, name: `${version}/${file.slice(0, -EXTENSION.length)}`,
    ...(JSON.parse(gunzipSync(readFileSync(path.join(HERE, version, file))).toString('utf8')) as Omit<RecordedHistory, 'name' | 'version'>),
  })));
}

const fileOf = (version: string, name: string): string => path.join(HERE, version, `${name}${EXTENSION}`);

export const isRecorded = (version: string, name: string): boolean => existsSync(fileOf(version, name));

/** Keeps a history without what tells where it was made. One that is there is evidence and is never replaced. */
export function keepHistory(version: string, name: string, of: { readonly workflowType: string; readonly workflowId: string; readonly history: FetchedHistory }): void {
  if (isRecorded(version, name)) return;
  const history = scrubbed(JSON.parse(historyToJSON(of.history))) as RecordedHistory['history'];
  mkdirSync(path.join(HERE, version), { recursive: true });
  const text = JSON.stringify({ workflowType: of.workflowType, workflowId: of.workflowId, history });
  writeFileSync(fileOf(version, name), gzipSync(text, { level: 9 }), { flag: 'wx' });
}

/** Who ran it, on which build, and where its code lay: of no matter to a replay. */
const OF_THE_MACHINE = new Set(['identity', 'workerVersion', 'binaryChecksum', 'stackTrace', 'workerDeploymentName', 'deploymentVersion', 'callbacks']);

/** A sticky queue is named after the process, host included. */
function scrubbed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(scrubbed);
  if (typeof value !== 'object' || value === null) return value;
  const { kind, normalName } = value as { readonly kind?: unknown; readonly normalName?: unknown };
  if (kind === 'TASK_QUEUE_KIND_STICKY') return { name: normalName, kind: 'TASK_QUEUE_KIND_NORMAL' };
  return Object.fromEntries(Object.entries(value).filter(([key]) => !OF_THE_MACHINE.has(key)).map(([key, inner]) => [key, scrubbed(inner)]));
}

/** Every string of a history, its payloads decoded: to look for what must not be in it. */
export function textOf(value: unknown, key = ''): string {
  if (typeof value === 'string') return key === 'data' ? Buffer.from(value, 'base64').toString('utf8') : value;
  if (Array.isArray(value)) return value.map((inner) => textOf(inner)).join('\n');
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([name, inner]) => `${name} ${textOf(inner, name)}`).join('\n');
  return String(value);
}
