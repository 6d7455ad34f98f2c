import { block, count, duration } from '../schema/helpers.js';
import { LONGEST_CALL, account } from '../schema/values.js';
import { deliveryWindow } from '../schema/window.js';
import type { PlatformFacts } from '../platforms.js';
import type { Limits } from '../types.js';

const limits = block(
  {
    calls: count(1).optional(),
    per: duration({ min: 1 }).optional(),
    concurrency: count(1, 1000).optional(),
    gap: duration().optional(),
    read: block({ calls: count(1), per: duration({ min: 1 }) }).optional(),
  },
  'a mapping such as {calls: 300, per: 60s, concurrency: 4}',
);

/**
 * Keys that every destination takes, with the platform's own defaults.
 * @param defaults where the platform's page recommends fewer contacts a call than it takes, and its usual settle delay (milliseconds)
 */
export function destinationShape(platform: PlatformFacts, defaults: { readonly batchSize?: number; readonly settleDelay?: number } = {}) {
  return {
    batchSize: count(1, platform.maxBatchSize).default(defaults.batchSize ?? platform.maxBatchSize),
    limits: limits.optional().transform((given): Limits => ({ ...platform.limits, ...given })),
    timeout: duration({ min: 1, max: LONGEST_CALL }).default(30_000),
    account: account().optional(),
    settleDelay: duration({ max: LONGEST_CALL }).default(defaults.settleDelay ?? 10_000),
    linger: duration({ max: LONGEST_CALL }).default(2_000),
    window: deliveryWindow().optional(),
  } as const;
}
