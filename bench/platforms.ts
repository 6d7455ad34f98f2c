/** A rate: `calls` calls in any window of `per` milliseconds. */
export interface Rate {
  readonly calls: number;
  readonly per: number;
}

/** What a benchmark must know of a platform. */
export interface BenchPlatform {
  readonly rate: Rate;
  readonly concurrency: number;
  /** Milliseconds by which the sandbox answers bulk calls late. */
  readonly latency: number;
  /** Contacts a call where the pace is measured: few, since only the calls count. */
  readonly rowsACall: number;
  /** Route of its bulk calls in the sandbox's log. */
  readonly bulk: string;
  /** Whether every call counts towards the rate, or bulk calls only. */
  readonly countsAll: boolean;
  /** Part of the counted calls that are bulk calls; the rest asks for results. */
  readonly bulkShare: number;
  /** Lines of its destination besides the base URL and what every destination takes. */
  readonly settings: string;
  /** Faults that make the sandbox as strict as the rate. */
  strict(rate: Rate, latency: number): object;
}

export const PLATFORMS = {
  mailingcore: {
    rate: { calls: 300, per: 60_000 }, concurrency: 4, latency: 50, rowsACall: 100, bulk: '/contacts/bulk', countsAll: true, bulkShare: 1,
    settings: 'apiKey: mc_test_bench\n    tenantId: bench',
    strict: ({ calls, per }, latency) => ({ latency, limit: { calls, per, window: 'sliding', retryAfter: true } }),
  },
  dengage: {
    rate: { calls: 1, per: 1_000 }, concurrency: 1, latency: 0, rowsACall: 1_000, bulk: '/rest/bulk/contacts', countsAll: false, bulkShare: 1,
    settings: 'userkey: bench\n    password: bench\n    columns: {city: city, locale: locale}',
    strict: ({ calls, per }, latency) => ({ latency, gap: per / calls, parallel: 'refuse', gapCountsRefused: true }),
  },
  mainbrainer: {
    rate: { calls: 100, per: 10_000 }, concurrency: 8, latency: 400, rowsACall: 50, bulk: '/contacts/batch', countsAll: true, bulkShare: 0.5,
    settings: 'userName: bench@example.com\n    password: bench\n    privateToken: bench\n    properties: {city: city}',
    strict: ({ calls, per }, latency) => ({ latency, limit: { calls, per, window: 'sliding', retryAfter: true }, processing: { delay: 500, jitter: 500 } }),
  },
} as const satisfies Record<string, BenchPlatform>;

export type PlatformName = keyof typeof PLATFORMS;

/** @throws Error in words a person can act on */
export function platformNamed(name: string): PlatformName {
  if (Object.hasOwn(PLATFORMS, name)) return name as PlatformName;
  throw new Error(`--platform ${name}: there are ${Object.keys(PLATFORMS).join(', ')}`);
}
