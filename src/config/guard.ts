import type { GuardConfig } from './types.js';

/** What a run may do without asking, where the sync does not say. */
export const GUARD_DEFAULTS = {
  optIns: { above: 0.05, least: 100 },
  changes: { above: 0.5, least: 1000 },
} as const satisfies GuardConfig;
