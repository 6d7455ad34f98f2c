import { ApplicationFailure, Context } from '@temporalio/activity';
import { registerSync, verifySync as verifyNow, type VerifyRequest } from '../src/control/index.js';
import { DestinationError } from '../src/destinations/index.js';
import { findRun, type VerificationDocument } from '../src/ledger/index.js';
import { SourceError } from '../src/sources/index.js';
import type { Dependencies } from './dependencies.js';
import { seenActivity } from './observe.js';
import type { Activities, VerifyBeat } from './types.js';
import { unknownSync } from './unknown-sync.js';

/** Verifies the sync of a run and records the verdict with the run. */
export function verifyRun(dependencies: Dependencies): Activities['verifyRun'] {
  return async ({ run: id }) => {
    const run = await findRun(dependencies.pool, id);
    if (!run) throw ApplicationFailure.nonRetryable(`there is no run ${id} in the ledger`, 'UnknownRun');
    return verify(dependencies, run.sync, { against: 'source', runNo: run.no, id: null }, run.id);
  };
}

/** Verifies a sync because somebody asked, and keeps what differs in the ledger. */
export function verifySync(dependencies: Dependencies): Activities['verifySync'] {
  return ({ sync, id, against, confidence, maxError, campaign }) => verify(dependencies, sync, { against, runNo: null, id, confidence, maxError, campaign }, null);
}

async function verify(
  { pool, config, connectors, observer, stopping }: Dependencies,
  sync: string,
  how: Pick<VerifyRequest, 'against' | 'runNo' | 'id' | 'confidence' | 'maxError' | 'campaign'>,
  run: string | null,
): Promise<VerificationDocument> {
  const context = Context.current();
  const current = config.current();
  if (!current.syncs[sync]) throw ApplicationFailure.nonRetryable(unknownSync(sync, current), 'UnknownSync');
  // Counts only. The last ones are said again while nothing moves: a heartbeat without any would wipe them.
  let read: VerifyBeat | undefined;
  const beat = (): void => { context.heartbeat(read); };
  const timer = setInterval(beat, 5_000);
  const startedAt = Date.now();
  const tell = (document: VerificationDocument | null, error: unknown): void => {
    observer?.verified({ sync, run, activity: seenActivity(), document, error: error instanceof Error ? error.name : null, startedAt, tookMs: Date.now() - startedAt });
  };
  try {
    const ids = await registerSync(pool, current, sync);
    const document = await verifyNow({
      pool, observer, wired: connectors.wire(current, sync), ids, ...how, signal: AbortSignal.any([context.cancellationSignal, stopping]),
      onProgress: (progress) => {
        read = progress?.sample ?? read;
        beat();
      },
    });
    tell(document, null);
    return document;
  } catch (error) {
    // Another worker begins it anew: there is no verdict to tell of.
    if (stopping.aborted) throw ApplicationFailure.retryable('the worker is stopping', 'Stopping');
    tell(null, error);
    throw sorted(error);
  } finally {
    clearInterval(timer);
  }
}

/** What a person must mend ends the verification; what passes by itself is tried again. */
function sorted(error: unknown): unknown {
  if (!(error instanceof SourceError || error instanceof DestinationError)) return error;
  const words = error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
  const passes = error.kind === 'unreachable' || error.kind === 'throttled';
  return passes ? ApplicationFailure.retryable(words, error.name) : ApplicationFailure.nonRetryable(words, error.name);
}
