import type { LogMetadata } from '@temporalio/worker';

/** A failed try of an activity is told of at the first and at every so-manieth. */
const EVERY_ATTEMPT = 20;

let wanted = process.env.SYNCLINE_DEBUG === '1';

/** Shows the SDK's warnings from now on: for those who operate a worker. Any other command says in its own words what went wrong. */
export function showSdkWarnings(): void {
  wanted = true;
}

/**
 * Whether a note of the SDK is worth a line. Not so what our own code decides and tells of: a run that failed, and
 * most tries of an activity that waits for a service.
 */
export function isWorthTelling(message: string, meta: LogMetadata | undefined): boolean {
  if (!wanted || message === 'Workflow failed') return false;
  const error: unknown = meta?.error;
  if (message !== 'Activity failed' || !(error instanceof Error) || error.name !== 'ApplicationFailure') return true;
  return Number(meta?.attempt ?? 1) % EVERY_ATTEMPT === 1;
}
