import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { VerifyBeat } from '../../../activities/types.js';
import type { VerificationDocument } from '../../ledger/index.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import { formatDuration, formatNumber } from '../output/index.js';
import type { Session } from '../session.js';
import { GIVE_UP_MS, Watch } from './trouble.js';
import { isTakenUp } from './workers.js';

const LOOK_MS = 2_000;
const TELL_MS = 10_000;

/** How sure a sample must be; absent: as the configuration says. */
export interface Certainty {
  readonly confidence?: number;
  readonly maxError?: number;
}

export interface Asked extends Certainty {
  readonly against: 'source' | 'ledger';
  /** Absent: as the configuration says. */
  readonly campaign?: string;
}

/** Starts a verification and follows it to its verdict. Interrupted, it is called off: nobody else waits for it. */
export async function followVerification(
  context: Context,
  session: Session,
  sync: string,
  asked: Asked,
): Promise<{ readonly id: string; readonly document: VerificationDocument }> {
  const { ulid } = await import('ulid');
  const { startVerification } = await import('../../control/index.js');
  const id = ulid();
  const handle = await startVerification(session.temporal, session.config, sync, id, asked);
  const ended = new AbortController();
  const outcome = resultOf(handle).finally(() => { ended.abort(); });
  // Met below; until then it must not count as unhandled.
  outcome.catch(() => undefined);
  try {
    await watch(context, session, handle, ended.signal);
  } catch (error) {
    await handle.cancel().catch(() => undefined);
    throw error;
  }
  return { id, document: await outcome };
}

/** The verdict; a failure in the words of what failed. Temporal's own troubles are the watcher's business. */
async function resultOf(handle: WorkflowHandle): Promise<VerificationDocument> {
  const { isGrpcServiceError, WorkflowFailedError } = await import('@temporalio/client');
  for (;;) {
    try {
      return (await handle.result()) as VerificationDocument;
    } catch (error) {
      if (error instanceof WorkflowFailedError) throw new CliError(`the verification failed: ${rootOf(error).message}`);
      if (!isGrpcServiceError(error)) throw error;
      await sleep(1_000);
    }
  }
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

/** Says how long it takes and what it waits for, until it has ended. @throws CliError when a service stays away */
async function watch(context: Context, session: Session, handle: WorkflowHandle, ended: AbortSignal): Promise<void> {
  const { output, signal } = context;
  const began = performance.now();
  const temporal = new Watch('Temporal', (line) => { output.warn(line); });
  let told = began;
  let troubleAt: number | undefined;
  let toldOfWorkers = false;
  let read: VerifyBeat | undefined;
  while (!ended.aborted) {
    await sleep(LOOK_MS, undefined, { signal: AbortSignal.any([ended, signal]) }).catch(() => undefined);
    if (ended.aborted) return;
    if (signal.aborted) throw new CliError('interrupted: the verification was called off', EXIT.interrupted);
    const now = performance.now();
    try {
      const { trouble, beat } = await standingOf(handle);
      temporal.well();
      read = beat ?? read;
      if (trouble === undefined) troubleAt = undefined;
      else if (troubleAt === undefined) output.warn(`${trouble}: trying again`);
      troubleAt = trouble === undefined ? undefined : (troubleAt ?? now);
      if (trouble !== undefined && now - (troubleAt ?? now) >= GIVE_UP_MS) throw new CliError(`not reached for a minute: ${trouble}`, EXIT.unreached, 'verify again when it is back');
      await session.ensureWorker();
      if (!toldOfWorkers && !session.runtime.embeddedTemporal && (await isTakenUp(session, handle.workflowId)) === false) {
        toldOfWorkers = true;
        output.warn(`no worker takes this up on task queue "${session.runtime.taskQueue}". Start one with: syncline worker`);
      }
    } catch (error) {
      if (error instanceof CliError) throw error;
      if (temporal.ill() >= GIVE_UP_MS) throw new CliError('Temporal has not answered for a minute', EXIT.unreached, 'bring it back and verify again');
    }
    if (now - told >= TELL_MS) {
      told = now;
      const what = read === undefined ? 'reading both sides' : `${formatNumber(read.done)} of ${formatNumber(read.total)} contacts of the sample read`;
      output.progress(`${what}, ${formatDuration(now - began)} so far`);
    }
  }
}

/** Why the reading is being tried again, in words, undefined while all is well; and how far a sample is. */
async function standingOf(handle: WorkflowHandle): Promise<{ readonly trouble: string | undefined; readonly beat: VerifyBeat | undefined }> {
  const { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } = await import('@temporalio/common/lib/internal-non-workflow/index.js');
  const converter = handle.client.options.loadedDataConverter;
  const { raw } = await handle.describe();
  const [activity] = raw.pendingActivities ?? [];
  const failure = await decodeOptionalFailureToOptionalError(converter, activity?.lastFailure);
  const [beat] = await decodeArrayFromPayloads(converter, activity?.heartbeatDetails?.payloads);
  return { trouble: failure?.message, beat: beatOf(beat) };
}

/** What a heartbeat said; undefined where it said nothing, or something this version does not know. */
function beatOf(beat: unknown): VerifyBeat | undefined {
  if (typeof beat !== 'object' || beat === null) return undefined;
  const { done, total } = beat as Record<string, unknown>;
  return typeof done === 'number' && typeof total === 'number' ? { done, total } : undefined;
}
