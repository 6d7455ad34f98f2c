import type { WorkflowHandle } from '@temporalio/client';
import { SAMPLE_DEFAULTS, type Config } from '../config/index.js';
import { buildPage } from '../extraction/index.js';
import { pacedCalls } from '../lanes/index.js';
import { effectiveRows, findSync, storeDifferences, type Pool, type VerificationDocument } from '../ledger/index.js';
import {
  consentOf, expectedFromLedger, knownContacts, recordVerification, sampleCost, verifyAudience, verifyReceipts, verifySample,
  withCampaign, type CompareInput, type ExpectedContact, type SampleCost, type Verification, type VerifyProgress,
} from '../verification/index.js';
import type { SyncIds } from '../ledger/index.js';
import type { Observer } from '../telemetry/index.js';
import type { VerifyInput } from '../../workflows/names.js';
import { askCampaign } from './campaign.js';
import type { Wired } from './connectors.js';
import { idsOf } from './ids.js';
import { shownBy, shownVerification } from './shown.js';
import { TASK_TIMEOUT_MS, type Orchestrator } from './start.js';

export interface VerifyRequest {
  readonly pool: Pool;
  readonly wired: Wired;
  readonly ids: SyncIds;
  readonly against: 'source' | 'ledger';
  /** The run it belongs to; null: asked for by itself. */
  readonly runNo: number | null;
  /** Under which the differences are kept in the ledger; null: they are not kept. */
  readonly id: string | null;
  /** Of a sample; absent: as the sync's configuration says. */
  readonly confidence?: number | undefined;
  readonly maxError?: number | undefined;
  /** The campaign the verdict is about; absent: as the sync's configuration says. */
  readonly campaign?: string | undefined;
  readonly signal: AbortSignal;
  /** @param progress absent while the differences are kept */
  readonly onProgress: (progress?: VerifyProgress) => void;
  readonly observer?: Observer | undefined;
}

/**
 * Compares a sync's source side with its destination as far as the platform lets itself be read, holds a campaign's own
 * count against what was found, records the verdict and keeps the differences in the ledger.
 */
export async function verifySync(request: VerifyRequest): Promise<VerificationDocument> {
  const { pool, wired, ids, signal } = request;
  const { destination, sync } = wired;
  const { emailConsent, smsConsent } = wired.sourceConfig.fields;
  const mapped = { email: emailConsent !== undefined, sms: smsConsent !== undefined };
  const campaign = await askCampaign(request);
  const verification = await byMethod(request, {
    pool, syncId: ids.syncId, destinationId: ids.destinationId, against: request.against,
    expected: request.against === 'ledger' ? expectedFromLedger(pool, ids.destinationId, ids.syncId, mapped) : expectedFromSource(request),
    compare: destination.compare.bind(destination),
    locales: sync.verify?.locales ?? {}, tolerance: sync.verify?.tolerance ?? 0,
    onProgress: request.onProgress, signal,
  });
  try {
    const document = campaign === null ? verification.document : withCampaign(verification.document, await campaign.judge(verification));
    await recordVerification(pool, { syncId: ids.syncId, runNo: request.runNo, document });
    if (request.id !== null) await storeDifferences(pool, request.id, ids.syncId, verification.differences(null), () => { request.onProgress(); });
    return document;
  } finally {
    await verification.close();
  }
}

function byMethod(request: VerifyRequest, input: CompareInput): Promise<Verification> {
  const { pool, wired, ids, signal } = request;
  const { destination, destinationConfig: { type, limits, timeout, account, name } } = wired;
  const paced = pacedCalls(pool, ids.accountId, limits, timeout, signal, { observer: request.observer, account, destination: name });
  const method = destination.capabilities.readBack;
  if (method === 'receipts') return verifyReceipts(input);
  if (method === 'full' && destination.readAll) return verifyAudience({ ...input, found: destination.readAll(paced, signal) });
  if (method === 'sample' && destination.count && destination.find) {
    const { count, find } = destination;
    return verifySample({ ...input, destination: { count: count.bind(destination), find: find.bind(destination) }, paced, ...certaintyOf(wired, request) });
  }
  throw new Error(`${type} declares the read-back "${method}" without what it takes`);
}

/** How sure a sample must be: as asked, else as configured. */
function certaintyOf({ sync }: Wired, asked: { readonly confidence?: number | undefined; readonly maxError?: number | undefined }): { readonly confidence: number; readonly maxError: number } {
  const { confidence, maxError } = sync.verify ?? SAMPLE_DEFAULTS;
  return { confidence: asked.confidence ?? confidence, maxError: asked.maxError ?? maxError };
}

/** Starts a verification that somebody asked for. @param id under which its differences are kept */
export function startVerification(temporal: Orchestrator, config: Config, sync: string, id: string, asked: Omit<VerifyInput, 'sync' | 'id' | 'run' | 'attributes'>): Promise<WorkflowHandle> {
  const input: VerifyInput = { sync, id, ...asked, attributes: temporal.attributes };
  return temporal.client.workflow.start('verify', {
    workflowId: idsOf(temporal).verify(sync, id), taskQueue: temporal.taskQueue, args: [input], workflowTaskTimeout: TASK_TIMEOUT_MS,
    ...shownBy(temporal, shownVerification('a verification', { sync, destination: config.syncs[sync]?.destination })),
  });
}

/** What a verification by sample will cost and show. */
export interface VerificationCost extends SampleCost {
  readonly confidence: number;
  readonly maxError: number;
  /** The pace of the account's reads: calls in a window, and its milliseconds. */
  readonly pace: { readonly calls: number; readonly per: number };
}

/** What verifying this sync will cost, as far as the ledger can tell; null: the platform is not verified by sample. */
export async function verificationCost(request: Pick<VerifyRequest, 'pool' | 'wired' | 'confidence' | 'maxError'>): Promise<VerificationCost | null> {
  const { pool, wired } = request;
  const { sync, destinationConfig: { account, limits } } = wired;
  if (wired.destination.capabilities.readBack !== 'sample') return null;
  const { confidence, maxError } = certaintyOf(wired, request);
  const { syncId, destinationId } = await findSync(pool, { sync: sync.name, destination: sync.destination, account });
  const contacts = syncId === null || destinationId === null ? 0 : await knownContacts(pool, destinationId, syncId);
  const { calls, per } = limits.read ?? limits;
  return { ...sampleCost(contacts, confidence, maxError, { calls, per }), confidence, maxError, pace: { calls, per } };
}

/** The source as it is now, mapped as a run would map it, less what people took back elsewhere. Contacts the filter holds back are not expected. */
async function* expectedFromSource({ pool, ids, wired, signal }: VerifyRequest): AsyncGenerator<readonly ExpectedContact[]> {
  const plan = await wired.source.begin({ kind: 'full', state: null }, signal);
  for await (const page of wired.source.pages(plan, null, signal)) {
    const built = buildPage(page, wired.rules);
    const wanted = await effectiveRows(pool, ids, built.rows.filter((row) => row.onlyIfKnown === undefined));
    yield wanted.map((row) => ({
        key: row.key, locale: row.locale, fields: row.fields, version: row.version,
        optedIn: consentOf(row.emailConsent), smsOptedIn: consentOf(row.smsConsent),
      }));
    // A contact that cannot be sent is still one the source has: it is missing there, not gone here.
    yield built.invalid.flatMap(({ key, locale, optedIn }) => (key === null ? [] : [{ key, locale: locale ?? null, fields: null, optedIn: optedIn ?? null }]));
    if (page.last) return;
  }
}
