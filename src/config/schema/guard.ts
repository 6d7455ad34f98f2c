import { z } from 'zod';
import { GUARD_DEFAULTS } from '../guard.js';
import type { GuardConfig, GuardLimit } from '../types.js';
import { block, choose, count, isMapping, share } from './helpers.js';

const GUARD_WORDS = 'false, or a mapping such as {optIns: 5%, changes: 50%}';

/** `5%`, `{above: 5%, least: 100}` or false. */
function limit(usual: GuardLimit) {
  const words = `false, a share such as 5%, or {above: 5%, least: ${String(usual.least)}}`;
  return choose((value): z.ZodType<GuardLimit | null> => {
    if (value === false) return z.literal(false).transform(() => null);
    if (isMapping(value)) return block({ above: share().default(usual.above), least: count(1).default(usual.least) }, words);
    return share().transform((above) => ({ above, least: usual.least }));
  });
}

const limits = block({ optIns: z.unknown().optional(), changes: z.unknown().optional() }, GUARD_WORDS).pipe(z.object({
  optIns: limit(GUARD_DEFAULTS.optIns).prefault({}),
  changes: limit(GUARD_DEFAULTS.changes).prefault({}),
}));

/** What a run may do to known contacts without asking. */
export const guard = choose((value): z.ZodType<GuardConfig> => (value === false ? z.literal(false).transform(() => ({ optIns: null, changes: null })) : limits as unknown as z.ZodType<GuardConfig>));
