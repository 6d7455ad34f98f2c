/**
 * Why a service could not be had. `unreachable`: nobody answered in time, waiting may help;
 * `misconfigured`: it answered with a refusal (a wrong password, an unknown namespace);
 * `failed`: an embedded part could not be found or started.
 */
export type RuntimeFault = 'unreachable' | 'misconfigured' | 'failed';

/** A service that could not be found, started or reached. Its message holds no secret. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  constructor(
    readonly fault: RuntimeFault,
    message: string,
    /** The way out, in words. */
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** The message of anything thrown, on one line. */
export function words(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').trim();
}
