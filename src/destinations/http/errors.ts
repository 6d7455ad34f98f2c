import { neverSent, wordsOfError } from '../../http/index.js';
import type { Outcome } from '../contract.js';

/**
 * What a call that ended without a complete answer means (pure). Only where the request certainly never left is it
 * `unavailable`; every cut is `unknown`.
 * @param platform its name, for the message
 * @param host what was called, for the message
 */
export function outcomeOfError(error: unknown, platform: string, host: string): Outcome {
  const words = wordsOfError(error);
  return neverSent(error)
    ? { kind: 'unavailable', message: `${platform} at ${host} was not reached: ${words}`, httpStatus: null }
    : { kind: 'unknown', message: `${platform} at ${host} gave no answer that can be trusted: ${words}`, httpStatus: null };
}
