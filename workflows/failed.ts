import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';

/** The words of what really failed: of an activity that is its own reason. */
export const causeOf = (error: unknown): unknown => (error instanceof ActivityFailure ? error.cause : error);

/** How a workflow fails so that its first line says why. A cancellation stays one. */
export function failedWith(type: string, error: unknown): Error {
  if (error instanceof Error && isCancellation(error)) return error;
  const cause = causeOf(error);
  const message = cause instanceof Error ? cause.message : 'unknown failure';
  return ApplicationFailure.create({ type, message, nonRetryable: true, ...(cause instanceof Error ? { cause } : {}) });
}
