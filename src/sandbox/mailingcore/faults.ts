import { z } from 'zod';
import { checkedFaults, count, limit, regexp, saying, share, sometimes, troubles, words } from '../fault-schema.js';

const badRowsRule = z.strictObject({
  emails: z.union([regexp, z.array(z.string())]).optional(),
  externalIds: z.array(z.string()).optional(),
  mode: z.enum(['row', 'request']).default('row'),
  message: words.default('invalid email'),
});

interface Campaign {
  readonly templates: string[];
  readonly counts: Record<string, number>;
}

/** One that can go out to everybody, and one that cannot. */
const CAMPAIGNS: Record<string, Campaign> = {
  welcome: { templates: ['en', 'fr', 'de', 'es', 'it', 'ca', 'none'], counts: {} },
  spring: { templates: ['en', 'fr'], counts: {} },
};

const faultsSchema = z.strictObject({
  ...troubles,
  /** The rate limit, on every route. Absent: none is enforced. */
  limit: limit.optional(),
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
  /** unknown: the form of `failed`. */
  failedForm: z.enum(['rows', 'rowsByExternalId', 'count']).default('rows'),
  /** unknown: an impossible e-mail fails its row, or the request (the page names it among the causes of a 400). */
  invalidEmail: z.enum(['row', 'request']).default('row'),
  /** unknown: how lists are paged. */
  pagination: z.enum(['cursor', 'page']).default('cursor'),
  /** How the webhook of somebody who unsubscribes fares; `double` has one delivery id. */
  webhooks: z.enum(['deliver', 'double', 'lost']).default('deliver'),
  /** unknown: whether every tenant has a suppression list. `absent`: 404. */
  suppressions: z.enum(['list', 'absent']).default('list'),
  /** Campaign: what it has: locales with a template, `none` for contacts without one, and counts other than the true ones. */
  campaigns: z
    .record(
      z.string(),
      z.union([z.array(z.string()).transform((templates): Campaign => ({ templates, counts: {} })), z.strictObject({ templates: z.array(z.string()), counts: z.record(z.string(), count).default({}) })], {
        error: 'expected a list of locales with a template, or {templates, counts}',
      }),
    )
    .default(CAMPAIGNS),
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
  return checkedFaults('mailingcore', faultsSchema, input);
}
