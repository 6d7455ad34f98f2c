import { setTimeout as sleep } from 'node:timers/promises';
import type { DestinationConfig } from '../config/index.js';
import { CONSENT, type Paced } from '../destinations/index.js';
import { buildPage } from '../extraction/index.js';
import { callAnswered, reserveCall, storeDifferences, type Budget, type Pool, type VerificationDocument } from '../ledger/index.js';
import { expectedFromLedger, recordVerification, verifyAudience, type ExpectedContact } from '../verification/index.js';
import type { SyncIds } from '../ledger/index.js';
import type { Wired } from './connectors.js';

export interface VerifyRequest {
  readonly pool: Pool;
  readonly wired: Wired;
  readonly ids: SyncIds;
  readonly against: 'source' | 'ledger';
  /** The run it belongs to; null: asked for by itself. */
  readonly runNo: number | null;
  /** Under which the differences are kept in the ledger; null: they are not kept. */
  readonly id: string | null;
  readonly signal: AbortSignal;
  readonly onProgress: () => void;
}

/** Compares a sync's source side with its destination, records the verdict and keeps the differences in the ledger. */
export async function verifySync(request: VerifyRequest): Promise<VerificationDocument> {
  const { pool, wired, ids, signal } = request;
  const { destination, destinationConfig, sync } = wired;
  if (!destination.readAll) throw new Error(`${destinationConfig.type} cannot be read back in full`);
  const consentMapped = wired.sourceConfig.fields.emailConsent !== undefined;
  const paced = pacedReads(pool, ids.accountId, destinationConfig.limits, destinationConfig.timeout);
  const verification = await verifyAudience({
    pool, syncId: ids.syncId, destinationId: ids.destinationId, against: request.against,
    expected: request.against === 'ledger' ? expectedFromLedger(pool, ids.destinationId, ids.syncId, consentMapped) : expectedFromSource(wired, signal),
    found: destination.readAll(paced, signal),
    compare: destination.compare.bind(destination),
    locales: sync.verify?.locales ?? {}, tolerance: sync.verify?.tolerance ?? 0,
    onProgress: request.onProgress, signal,
  });
  try {
    await recordVerification(pool, { syncId: ids.syncId, runNo: request.runNo, document: verification.document });
    if (request.id !== null) await storeDifferences(pool, request.id, ids.syncId, verification.differences(null), request.onProgress);
    return verification.document;
  } finally {
    await verification.close();
  }
}

/** The source as it is now, mapped as a run would map it. Contacts the filter holds back are not expected. */
async function* expectedFromSource(wired: Wired, signal: AbortSignal): AsyncGenerator<readonly ExpectedContact[]> {
  const plan = await wired.source.begin({ kind: 'full', state: null }, signal);
  for await (const page of wired.source.pages(plan, null, signal)) {
    const built = buildPage(page, wired.rules);
    yield built.rows
      .filter((row) => row.onlyIfKnown === undefined)
      .map((row) => ({
        key: row.key, locale: row.locale, fields: row.fields, version: row.version,
        optedIn: row.emailConsent === CONSENT.unmapped ? null : row.emailConsent === CONSENT.granted,
      }));
    // A contact that cannot be sent is still one the source has: it is missing there, not gone here.
    yield built.invalid.flatMap(({ key, optedIn }) => (key === null ? [] : [{ key, locale: null, fields: null, optedIn: optedIn ?? null }]));
    if (page.last) return;
  }
}

/** Longest turn one read waits for before it asks again. Milliseconds. */
const TURN_MS = 5_000;

/** Reads take their turn in the account's budget, beside its sends. */
function pacedReads(pool: Pool, accountId: number, limits: DestinationConfig['limits'], timeoutMs: number): Paced {
  const { read } = limits;
  const budget: Budget = read
    ? { accountId, bucket: 'read', calls: read.calls, per: read.per, credit: 1 }
    : { accountId, bucket: 'main', calls: limits.calls, per: limits.per, credit: 1 };
  return async (call) => {
    for (;;) {
      const turn = await reserveCall(pool, budget, TURN_MS);
      if (turn.call === null) {
        await sleep(Math.min(turn.waitMs, TURN_MS));
        continue;
      }
      if (turn.waitMs > 0) await sleep(turn.waitMs);
      try {
        return await call(AbortSignal.timeout(timeoutMs));
      } finally {
        await callAnswered(pool, accountId, budget.bucket, turn.call);
      }
    }
  };
}
