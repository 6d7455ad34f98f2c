import type { VerifyConfig } from './types.js';

/** How sure a verification by sample is, where nobody says otherwise. */
export const SAMPLE_DEFAULTS: Pick<VerifyConfig, 'confidence' | 'maxError'> = { confidence: 0.95, maxError: 0.01 };

export const CONFIDENCE_WORDS = 'a number from 0.5 to 0.9999, such as 0.99';
export const MAX_ERROR_WORDS = 'a share between 0 and 1, such as 0.01';

export function isConfidence(value: number): boolean {
  return value >= 0.5 && value <= 0.9999;
}

export function isMaxError(value: number): boolean {
  return value > 0 && value < 1;
}
