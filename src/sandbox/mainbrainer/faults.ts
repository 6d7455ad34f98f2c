import { z } from 'zod';
import { checkedFaults, count, duration, limit, regexp, saying, share, sometimes, troubles, words } from '../fault-schema.js';

/** Rows by e-mail (a regular expression or a list) or by mobile (E.164, with or without the plus). */
const picking = { emails: z.union([regexp, z.array(z.string())]).optional(), mobiles: z.array(z.string()).optional() } as const;
const badRowsRule = z.strictObject({ ...picking, message: words.default('email is not valid'), status: z.union([z.literal(400), z.literal(422)]).default(422) });

/** How a webhook fares, on this share of the batches; the others are delivered. */
const webhookMode = z.enum(['deliver', 'double', 'delay', 'lost', 'early']);

const faultsSchema = z.strictObject({
  ...troubles,
  /** doc: 100 calls in 10 s on the smallest plan. Absent: none is enforced. */
  limit: limit.optional(),
  /** Lists beside the one of the page's example. */
  lists: z.array(z.string()).default([]),
  /** Names or uuids of properties beside those the sandbox knows by itself. */
  properties: z.array(words).default([]),
  tokenLife: duration.default(3_600_000),
  /** unknown: what a token that has ended gets. */
  tokenStatus: z.union([z.literal(401), z.literal(403)]).default(401),
  /** A token that has not ended is refused as if it had. */
  tokenRefused: sometimes({}).optional(),
  /** 401 to the log-in. */
  loginRefused: sometimes({}).optional(),
  /** 403 with these words. */
  forbidden: saying.optional(),
  /** doc: a daily number of calls; unknown: the answer when it is used up, here a 429 that says so. */
  quota: sometimes({}).optional(),
  /** 422 with these words, whatever is sent. */
  refuseAll: saying.optional(),
  /** Contacts for which the whole batch is refused; one rule or several. */
  badRows: z
    .union([badRowsRule.transform((rule) => [rule]), z.array(badRowsRule)], { error: 'expected {emails, mobiles, message, status}, or a list of these' })
    .optional(),
  /** unknown: whether a refusal names its contact. */
  badRowNamed: z.enum(['none', 'index', 'email']).default('none'),
  /** Batches are processed this long after they were accepted; `jitter` is at most added, so that results come out of order. */
  processing: z.strictObject({ delay: z.union([z.literal(0), duration]).default(20), jitter: z.union([z.literal(0), duration]).default(0) }).prefault({}),
  /** unknown: the words of the stages. */
  statusWords: z
    .strictObject({ pending: words.default('Pending'), processing: words.default('Processing'), completed: words.default('Completed'), failed: words.default('Failed') })
    .prefault({}),
  /** unknown: what is counted before the end. */
  countsBefore: z.enum(['zero', 'null']).default('zero'),
  /** Contacts left out while the batch is processed. */
  skippedRows: z.strictObject({ ...picking, reason: words.default('contact could not be processed') }).optional(),
  /** Batches that fail as a whole after they were accepted. */
  failedBatches: sometimes({ reason: words.optional() }).optional(),
  /** Batches that are processed and whose status stays as it was before. */
  statusLost: sometimes({}).optional(),
  /** 503 to a Status call. */
  statusErrors: sometimes({}).optional(),
  webhooks: z
    .union([webhookMode.transform((mode) => ({ mode, share: 1, delay: 500 })), z.strictObject({ mode: webhookMode, share: share.default(1), delay: duration.default(500) })], {
      error: 'expected deliver, double, delay, lost or early, or an object with mode, share, delay',
    })
    .prefault('deliver'),
  /** doc: two sets of pages disagree on the names of an answer: `BatchId`, `InvalidProperties`, or `batchId`, `invalidPropertiesList`. */
  letterCase: z.enum(['page', 'camel']).default('page'),
  /** The next n Status calls get a 429. */
  statusBurst429: count.optional(),
});

/** Faults and switchable behaviour as a file, the control route or a test writes them. */
export type MainBrainerFaults = z.input<typeof faultsSchema>;
/** The same, checked and completed. */
export type CheckedFaults = z.output<typeof faultsSchema>;

/** Checks faults. Throws {@link FaultsError} naming every wrong key at once. */
export function checkFaults(input: unknown): CheckedFaults {
  return checkedFaults('mainbrainer', faultsSchema, input);
}

/** Whether a row is one of those a rule picks. */
export type Picks = (email: string | null, mobile: string | null) => boolean;

/** Prepares a rule that picks rows. `mobile` is digits only. */
export function picksOf(rule: { readonly emails?: string | readonly string[]; readonly mobiles?: readonly string[] }): Picks {
  const pattern = typeof rule.emails === 'string' ? new RegExp(rule.emails) : null;
  const emails = new Set(typeof rule.emails === 'string' ? [] : rule.emails);
  const mobiles = new Set(rule.mobiles?.map((one) => one.replace(/\D/g, '')));
  return (email, mobile) => (email !== null && (emails.has(email) || pattern?.test(email) === true)) || (mobile !== null && mobiles.has(mobile));
}
