import { proxyActivities, setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import type { VerificationDocument } from '../src/ledger/index.js';
import { verificationMarkdown } from './verification-details.js';
import { kindAttribute, syncAttribute, verificationQuery, type VerifyInput } from './names.js';

const { verifySync } = proxyActivities<Activities>({
  startToCloseTimeout: '12h',
  heartbeatTimeout: '60s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 20 },
  summary: 'reading both sides',
});

/** Compares a sync's source side with its destination; the verdict is the workflow's state and its result. */
export async function verify(input: VerifyInput): Promise<VerificationDocument> {
  let document: VerificationDocument | null = null;
  setHandler(verificationQuery, () => document);
  if (input.attributes) {
    upsertSearchAttributes([
      { key: syncAttribute, value: input.sync },
      { key: kindAttribute, value: 'verify' },
    ]);
  }
  document = await verifySync({ sync: input.sync, id: input.id, against: input.against });
  setCurrentDetails(verificationMarkdown(document));
  return document;
}
