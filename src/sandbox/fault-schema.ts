import { z } from 'zod';
import { FaultsError } from './platform.js';

/** The forms in which the platforms' faults are written; every platform's schema is put together from these. */
export const share = z.number().min(0).max(1);
export const count = z.number().int().min(0);
export const positive = z.number().int().min(1);
export const words = z.string().min(1);

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds, or text such as "10s"; given back in milliseconds. */
export const duration = z.union(
  [
    z.number().positive(),
    z
      .string()
      .regex(/^\d+(\.\d+)?(ms|s|m|h)$/)
      .transform((text) => {
        const unit = /[a-z]+$/.exec(text)?.[0] ?? 'ms';
        return Number.parseFloat(text) * (UNIT_MS[unit] ?? 1);
      }),
  ],
  { error: 'expected milliseconds or a duration such as "10s"' },
);

/** `true`, a share of the calls, or `{share, first, …}`. */
export function sometimes<Shape extends z.ZodRawShape>(extra: Shape) {
  return z.union(
    [
      z.boolean().transform((on) => ({ share: on ? 1 : 0 })),
      share.transform((value) => ({ share: value })),
      z.strictObject({ share: share.default(1), first: count.optional(), ...extra }),
    ],
    { error: `expected true, a share from 0 to 1, or an object with ${['share', 'first', ...Object.keys(extra)].join(', ')}` },
  );
}

/** Words, or `{message, share, first}`. */
export const saying = z.union(
  [words.transform((message) => ({ message, share: 1 })), z.strictObject({ message: words, share: share.default(1), first: count.optional() })],
  { error: 'expected a message, or an object with message, share, first' },
);

export const regexp = z.string().refine(
  (text) => {
    try {
      new RegExp(text);
      return true;
    } catch {
      return false;
    }
  },
  { error: 'expected a regular expression' },
);

/** A rate limit, enforced on every route. */
export const limit = z.strictObject({
  calls: positive,
  per: duration,
  window: z.enum(['fixed', 'sliding']).default('sliding'),
  /** What a 429 says: Retry-After and X-RateLimit-Reset, the latter alone, or neither. */
  retryAfter: z.union([z.boolean(), z.literal('resetHeader')]).default(true),
  countRefused: z.boolean().default(false),
});

/** What can happen to a bulk call of any platform; played by `trouble.ts`. */
export const troubles = {
  /** Seed of every random decision. */
  seed: z.number().int().default(1),
  /** 500, 502 or 503 before anything is stored. */
  errorsBeforeCommit: sometimes({ status: z.number().int().min(500).max(599).optional() }).optional(),
  /** The connection is destroyed, nothing was stored. */
  cutBeforeCommit: sometimes({}).optional(),
  /** The connection is destroyed after everything was stored. */
  cutAfterCommit: sometimes({}).optional(),
  /** Stored, then answered one byte each `interval` (default 100 ms). */
  drip: sometimes({ interval: duration.optional() }).optional(),
  /** Never answered; `commit` (default true) tells whether it was stored. */
  hang: sometimes({ commit: z.boolean().optional() }).optional(),
  /** Answers of the bulk route come this many milliseconds late. */
  latency: z.union([z.literal(0), duration]).optional(),
  /** The next n bulk calls get a 429. */
  burst429: count.optional(),
  /** The next n bulk calls are stored and cut. */
  cutNext: count.optional(),
} as const;

/** Checks faults against a platform's schema. Throws {@link FaultsError} naming every wrong key at once. */
export function checkedFaults<Shape extends z.ZodRawShape>(platform: string, schema: z.ZodObject<Shape>, input: unknown): z.output<z.ZodObject<Shape>> {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const place = issue.path.map(String).join('.');
    return place === '' ? issue.message : `${place}: ${issue.message}`;
  });
  throw new FaultsError(`${platform} faults: ${faults.join('; ')}. Known keys: ${Object.keys(schema.shape).join(', ')}`);
}
