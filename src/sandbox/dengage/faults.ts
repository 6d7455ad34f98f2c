import { z } from 'zod';
import { checkedFaults, count, duration, saying, sometimes, troubles, words } from '../fault-schema.js';

const keys = z.array(z.string()).min(1);
const badRowsRule = z.strictObject({ keys, mode: z.enum(['row', 'request']).default('row'), message: words.default('email is not valid') });
const warningsRule = z.strictObject({ keys, message: words.default('gsm is not reachable') });

function oneOrMore<T extends z.ZodType>(rule: T, expected: string) {
  return z.union([rule.transform((one) => [one]), z.array(rule)], { error: expected });
}

const faultsSchema = z.strictObject({
  ...troubles,
  /** Custom columns of master_contact that are import-enabled. */
  columns: z.array(words).default(['city', 'country', 'language', 'locale', 'segment']),
  /** doc: one bulk call a minute. Calls that arrive closer than this to the last one get a 429. Absent: not enforced. */
  gap: duration.optional(),
  /** Whether a refused call begins the gap anew. */
  gapCountsRefused: z.boolean().default(false),
  /** doc: parallel bulk calls are refused. */
  parallel: z.enum(['refuse', 'allow']).default('refuse'),
  /** seen: 429; 500 in older documents. */
  parallelStatus: z.union([z.literal(429), z.literal(500)]).default(429),
  tokenLife: duration.default(3_600_000),
  /** What a token that has ended, or none at all, gets. seen: both. */
  tokenStatus: z.union([z.literal(401), z.literal(403)]).default(401),
  /** A token that has not ended is refused as if it had. */
  tokenRefused: sometimes({}).optional(),
  /** 401 to the log-in. */
  loginRefused: sometimes({}).optional(),
  /** userkey → password. Absent: any that are not empty. */
  users: z.record(z.string(), z.string()).optional(),
  /** doc: 403 for an address that is not on the allow-list, before the credentials are looked at. */
  ipBlocked: sometimes({}).optional(),
  /** doc: 403 for a user without DataSpace.Manage. */
  roleMissing: sometimes({}).optional(),
  /** 400 with these words, whatever is sent. */
  refuseAll: saying.optional(),
  /** Records refused though they look right, alone or (always in the strict mode) with the whole call. */
  badRows: oneOrMore(badRowsRule, 'expected {keys, mode: row or request, message}, or a list of these').optional(),
  /** Records that are taken with a remark. */
  warnings: oneOrMore(warningsRule, 'expected {keys, message}, or a list of these').optional(),
  /** unknown: the form of an element of errors and warnings. */
  errorShape: z.enum(['object', 'string', 'keyed', 'index', 'count']).default('object'),
  /** unknown: what inserted and updated hold. */
  listShape: z.enum(['keys', 'objects', 'count']).default('keys'),
  /** unknown: whether a record for a contact that is not there is an error, or is in no list at all. */
  absentAs: z.enum(['error', 'omitted']).default('error'),
  /** unknown: what reading a contact that is not there gives. */
  absentRead: z.enum(['empty', '404']).default('empty'),
  /** 503 to a read. */
  readErrors: sometimes({}).optional(),
  /** The next n reads get a 429. */
  readBurst429: count.optional(),
});

/** Faults and switchable behaviour as a file, the control route or a test writes them. */
export type DengageFaults = z.input<typeof faultsSchema>;
/** The same, checked and completed. */
export type CheckedFaults = z.output<typeof faultsSchema>;

/** Checks faults. Throws {@link FaultsError} naming every wrong key at once. */
export function checkFaults(input: unknown): CheckedFaults {
  return checkedFaults('dengage', faultsSchema, input);
}
