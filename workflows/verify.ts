import { proxyActivities, setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import type { VerificationDocument } from '../src/ledger/index.js';
import { verificationMarkdown } from './verification-details.js';
import { kindAttribute, syncAttribute, verificationQuery, type VerifyInput } from './names.js';

const { verifyRun, verifySync } = proxyActivities<Activities>({
  // A sample is read at the account's pace: at one read a second, a week is half a million of them. The heartbeat tells a dead worker.
  startToCloseTimeout: '7d',
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
  const { sync, id, run, against, confidence, maxError, campaign } = input;
  document = run !== undefined
    ? await verifyRun({ run })
    : await verifySync({
      sync, id, against, ...(confidence === undefined ? {} : { confidence }), ...(maxError === undefined ? {} : { maxError }), ...(campaign === undefined ? {} : { campaign }),
    });
  setCurrentDetails(verificationMarkdown(document));
  return document;
}
