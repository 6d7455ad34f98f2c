import { createHash } from 'node:crypto';
import type { Limits } from './types.js';

/** What a platform allows where the configuration does not say otherwise. */
export interface PlatformFacts {
  /** Most contacts one bulk call may hold. */
  readonly maxBatchSize: number;
  readonly limits: Limits;
}

export const PLATFORMS = {
  /**
   * doc: 1–1000 contacts a bulk call; 300 requests a 60 s window per client.
   * unknown: how many calls may be open at once; four keep the pace at answers of half a second.
   */
  mailingcore: { maxBatchSize: 1000, limits: { calls: 300, per: 60_000, concurrency: 4 } },
  /**
   * doc: 1–1000 records a call; BulkUpsert once a minute, one at a time. Its page limits that method: log-ins and
   * reads are counted apart. unknown: how many of those an account may make; one a second is careful.
   */
  dengage: { maxBatchSize: 1000, limits: { calls: 1, per: 60_000, concurrency: 1, read: { calls: 60, per: 60_000 } } },
  /** doc: up to 1000 contacts a call, 100 recommended; 100 requests / 10 s per token on the smallest plan, polls and log-ins included. */
  mainbrainer: { maxBatchSize: 1000, limits: { calls: 100, per: 10_000, concurrency: 8 } },
  /** A company's own database: nobody counts its calls. Ten calls a second, two at once, leave it room for its own work. */
  postgres: { maxBatchSize: 1000, limits: { calls: 600, per: 60_000, concurrency: 2 } },
} as const satisfies Record<string, PlatformFacts>;

/**
 * The account a destination belongs to where `account:` does not name it: platform, host and a fingerprint of
 * the credential, so that destinations with the same credential share one pace. Six hex digits tell accounts
 * apart and give nothing of the credential away.
 */
export function defaultAccount(platform: keyof typeof PLATFORMS, baseUrl: string, credential: string): string {
  const fingerprint = createHash('sha256').update(credential).digest('hex').slice(0, 6);
  return `${platform}:${new URL(baseUrl).host}:${fingerprint}`;
}
