import { z } from 'zod';
import { FaultsError } from '../platform.js';

const share = z.number().min(0).max(1);
const count = z.number().int().min(0);
const positive = z.number().int().min(1);
const words = z.string().min(1);

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const duration = z.union(
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
function sometimes<Shape extends z.ZodRawShape>(extra: Shape) {
  return z.union(
    [
      z.boolean().transform((on) => ({ share: on ? 1 : 0 })),
      share.transform((value) => ({ share: value })),
      z.strictObject({ share: share.default(1), first: count.optional(), ...extra }),
    ],
    { error: `expected true, a share from 0 to 1, or an object with ${['share', 'first', ...Object.keys(extra)].join(', ')}` },
  );
}

/** Words, or `{message, first}`. */
const saying = z.union(
  [words.transform((message) => ({ message, share: 1 })), z.strictObject({ message: words, share: share.default(1), first: count.optional() })],
  { error: 'expected a message, or an object with message, share, first' },
);

const regexp = z.string().refine(
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

const badRowsRule = z.strictObject({
  emails: z.union([regexp, z.array(z.string())]).optional(),
  externalIds: z.array(z.string()).optional(),
  mode: z.enum(['row', 'request']).default('row'),
  message: words.default('invalid email'),
});

const faultsSchema = z.strictObject({
  /** Seed of every random decision. */
  seed: z.number().int().default(1),
  /** The rate limit, on every route. Absent: none is enforced. */
  limit: z
    .strictObject({
      calls: positive,
      per: duration,
      window: z.enum(['fixed', 'sliding']).default('sliding'),
      /** What a 429 says: Retry-After and X-RateLimit-Reset, the latter alone, or neither. */
      retryAfter: z.union([z.boolean(), z.literal('resetHeader')]).default(true),
      countRefused: z.boolean().default(false),
    })
    .optional(),
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
  /** Rows refused though they look right, alone or with the whole request; one rule or several. */
  badRows: z
    .union([badRowsRule.transform((rule) => [rule]), z.array(badRowsRule)], { error: 'expected {emails, externalIds, mode: row or request, message}, or a list of these' })
    .optional(),
  /** 429 for the monthly e-mail quota. */
  quota: z
    .union([
      z.literal(true).transform(() => ({ limit: 1000, used: 1000, percentage: 100, share: 1 })),
      z.strictObject({ limit: count, used: count, percentage: z.number().default(100), share: share.default(1), first: count.optional() }),
    ])
    .optional(),
  /** 401 on every route. */
  unauthorized: sometimes({}).optional(),
  /** 403 with these words. */
  forbidden: saying.optional(),
  /** 400 with these words, whatever is sent. */
  refuseAll: saying.optional(),
  /** 500 whenever one of these is in the call. */
  alwaysFail: z.strictObject({ externalIds: z.array(z.string()).min(1) }).optional(),
  /** The next n bulk calls get a 429. */
  burst429: count.optional(),
  /** The next n bulk calls are stored and cut. */
  cutNext: count.optional(),
  /** unknown: the form of `failed`. */
  failedForm: z.enum(['rows', 'rowsByExternalId', 'count']).default('rows'),
  /** unknown: an impossible e-mail fails its row, or the request (the page names it among the causes of a 400). */
  invalidEmail: z.enum(['row', 'request']).default('row'),
  /** unknown: how lists are paged. */
  pagination: z.enum(['cursor', 'page']).default('cursor'),
  /** API key → scopes. A key that is not named has every scope. */
  keys: z.record(z.string(), z.array(z.string())).optional(),
  /** Tenants the keys may use. Absent: any. */
  tenants: z.array(z.string()).optional(),
});

/** Faults and switchable behaviour as a file, the control route or a test writes them. */
export type MailingCoreFaults = z.input<typeof faultsSchema>;
/** The same, checked and completed. */
export type CheckedFaults = z.output<typeof faultsSchema>;

/** Checks faults. Throws {@link FaultsError} naming every wrong key at once. */
export function checkFaults(input: unknown): CheckedFaults {
  const result = faultsSchema.safeParse(input ?? {});
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const place = issue.path.map(String).join('.');
    return place === '' ? issue.message : `${place}: ${issue.message}`;
  });
  throw new FaultsError(`mailingcore faults: ${faults.join('; ')}. Known keys: ${Object.keys(faultsSchema.shape).join(', ')}`);
}
