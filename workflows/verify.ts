import { isCancellation, patched, proxyActivities, setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../activities/types.js';
import type { VerificationDocument } from '../src/ledger/index.js';
import { verificationMarkdown } from './verification-details.js';
import { failedWith } from './failed.js';
import { kindAttribute, phaseAttribute, progressQuery, syncAttribute, verificationQuery, type VerifyInput, type VerifyProgress } from './names.js';

const { verifyRun, verifySync } = proxyActivities<Activities>({
  // A sample is read at the account's pace: at one read a second, a week is half a million of them. The heartbeat tells a dead worker.
  startToCloseTimeout: '7d',
  heartbeatTimeout: '60s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 20 },
  summary: 'reading both sides',
});

/** Compares a sync's source side with its destination; the verdict is the workflow's state and its result. */
export async function verify(input: VerifyInput): Promise<VerificationDocument> {
  const { sync, id, run, against, confidence, maxError, campaign } = input;
  let progress: VerifyProgress = { sync, run: run ?? null, against, phase: 'verifying', verification: null };
  setHandler(verificationQuery, () => progress.verification);
  setHandler(progressQuery, () => progress);
  setCurrentDetails(`**${sync}** · verifying against the ${against}${run === undefined ? '' : ` · run \`${run}\``}\n\nBoth sides are being read, at the pace of the account's reads.`);
  if (input.attributes) {
    upsertSearchAttributes([
      { key: syncAttribute, value: sync },
      { key: kindAttribute, value: 'verify' },
    ]);
  }
  /** Found by its verdict afterwards. */
  const phase = (value: string): void => {
    if (input.attributes && patched('verify-phase')) upsertSearchAttributes([{ key: phaseAttribute, value }]);
  };
  try {
    const document = run !== undefined
      ? await verifyRun({ run })
      : await verifySync({
        sync, id, against, ...(confidence === undefined ? {} : { confidence }), ...(maxError === undefined ? {} : { maxError }), ...(campaign === undefined ? {} : { campaign }),
      });
    progress = { ...progress, phase: 'closed', verification: document };
    phase(document.verdict);
    setCurrentDetails(verificationMarkdown(document));
    return document;
  } catch (error) {
    const failure = failedWith('VerificationFailed', error);
    const how = isCancellation(error) ? 'cancelled' : 'failed';
    progress = { ...progress, phase: how };
    phase(how);
    setCurrentDetails(`**${sync}** · the verification ${how === 'failed' ? `failed\n\n${failure.message}` : 'was called off'}`);
    throw failure;
  }
}
