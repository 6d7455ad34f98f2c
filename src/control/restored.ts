import { isGrpcServiceError } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { Config } from '../config/index.js';
import { accountSeen, accountsSeen, noteRestored, type AccountSeen, type Pool, type Seen } from '../ledger/index.js';
import type { LiveConfig } from './configuration.js';
import { idsOf } from './ids.js';
import type { Orchestrator } from './start.js';

/** Events of a lane looked at in one question, newest first, and questions asked: a delivery takes some six events. */
const EVENTS = 40;
const PAGES = 3;
const NOT_FOUND = 5;

/**
 * How far a ledger was when an account's lane, running or ended, last told; undefined: Temporal does not know, as the
 * account was never driven, or so long ago that the namespace has forgotten it.
 */
export async function rememberedBy(temporal: Orchestrator, account: string): Promise<Seen | undefined> {
  const { client } = temporal;
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    let answer: Awaited<ReturnType<typeof client.workflowService.getWorkflowExecutionHistoryReverse>>;
    try {
      answer = await client.workflowService.getWorkflowExecutionHistoryReverse({
        namespace: client.options.namespace, execution: { workflowId: idsOf(temporal).lane(account) }, maximumPageSize: EVENTS, ...(nextPageToken && { nextPageToken }),
      });
    } catch (error) {
      if (isGrpcServiceError(error) && error.code === NOT_FOUND) return undefined;
      throw error;
    }
    for (const event of answer.history?.events ?? []) {
      for (const value of await decodeArrayFromPayloads(client.options.loadedDataConverter, payloadsIn(event))) {
        const seen = seenIn(value);
        if (seen !== undefined) return seen;
      }
    }
    nextPageToken = answer.nextPageToken.length > 0 ? answer.nextPageToken : undefined;
    if (nextPageToken === undefined) return undefined;
  }
  return undefined;
}

/** Every payload of an event, wherever in it. */
function payloadsIn(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const { payloads, ...rest } = value as { readonly payloads?: unknown };
  return [...(Array.isArray(payloads) ? (payloads as Payload[]) : []), ...Object.values(rest).flatMap(payloadsIn)];
}

function seenIn(value: unknown): Seen | undefined {
  const seen = typeof value === 'object' && value !== null && 'seen' in value ? (value.seen as Partial<Seen>) : undefined;
  return typeof seen?.ledger === 'string' && typeof seen.fence === 'number' ? (seen as Seen) : undefined;
}

/** Whether this shows that the ledger is older than it once was. */
const isBehind = (now: AccountSeen, seen: Seen | undefined): boolean => seen !== undefined && seen.ledger === now.ledger && now.fence < seen.fence;

/**
 * Looks whether the ledger is older than what was sent, as far as one account can tell, and notes it.
 * @param seen what is remembered; by default Temporal is asked
 * @returns whether it was just noted
 */
export async function noticeRestored(pool: Pool, temporal: Orchestrator, config: Config, account: string, seen?: Seen): Promise<boolean> {
  const now = await accountSeen(pool, account);
  if (now === undefined || !isBehind(now, seen ?? (await rememberedBy(temporal, account)))) return false;
  return noteAll(pool, temporal, config, new Map(seen === undefined ? [] : [[account, seen.fence]]));
}

/** Looks at every account of the ledger, one that has nothing to do too. Waits for a configuration that holds. */
export async function noticeRestoredAnywhere(pool: Pool, temporal: Orchestrator, config: LiveConfig): Promise<void> {
  for (const { account } of await accountsSeen(pool)) {
    let current: Config;
    try {
      current = config.current();
    } catch {
      return;
    }
    if (await noticeRestored(pool, temporal, current, account)) return;
  }
}

/** Somebody says that the ledger was restored: what tells that nobody remembers it. */
export async function tellRestored(pool: Pool, temporal: Orchestrator, config: Config): Promise<void> {
  await noteAll(pool, temporal, config, new Map(), true);
}

async function noteAll(pool: Pool, temporal: Orchestrator, config: Config, known: ReadonlyMap<string, number>, told = false): Promise<boolean> {
  const remembered = new Map(known);
  // All at once: an account that is looked at later must not find the ledger old a second time.
  for (const now of await accountsSeen(pool)) {
    const seen = await rememberedBy(temporal, now.account);
    if (seen?.ledger === now.ledger) remembered.set(now.account, Math.max(seen.fence, remembered.get(now.account) ?? 0));
  }
  const windows = new Map<string, number>();
  for (const { account, limits } of Object.values(config.destinations)) windows.set(account, Math.max(windows.get(account) ?? 0, limits.per, limits.read?.per ?? 0));
  return noteRestored(pool, { remembered, windows, configured: Object.keys(config.syncs), told });
}
