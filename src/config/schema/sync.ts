import { z } from 'zod';
import { isCron } from '../cron.js';
import { mapping } from './expression.js';
import { guard } from './guard.js';
import { block, choose, count, duration, isMapping, numberThat, oneOf, oneOrMore, plainValue, refuse, text, textThat } from './helpers.js';
import { CONFIDENCE_WORDS, isConfidence, isMaxError, MAX_ERROR_WORDS, SAMPLE_DEFAULTS } from '../verification.js';
import { timeZone } from './values.js';
import type { SyncConfig } from '../types.js';

const SCHEDULE_WORDS = '{every: 5m} or {cron: "*/5 * * * *", timeZone: Europe/Paris}';
const everySchedule = block({ every: duration({ min: 1000 }) }, SCHEDULE_WORDS);
const cronSchedule = block(
  { cron: textThat(isCron, 'five cron fields (minute hour day month weekday) such as "*/5 * * * *"'), timeZone: timeZone().optional() },
  SCHEDULE_WORDS,
);

const schedule = choose((value): z.ZodType<NonNullable<SyncConfig['schedule']>> => {
  const has = (key: string): boolean => isMapping(value) && Object.hasOwn(value, key);
  if (has('cron') && has('every')) return refuse(`either every or cron: ${SCHEDULE_WORDS}`);
  if (has('cron') || has('timeZone')) return cronSchedule;
  return has('every') || (isMapping(value) && Object.keys(value).length > 0) ? everySchedule : refuse(SCHEDULE_WORDS);
});

const LOCALE_WORDS = 'a base language such as en, or none for contacts without one';
const minimums = z.record(
  z.string().regex(/^([a-z]{2,3}|none)$/, { error: LOCALE_WORDS }),
  count(0),
  { error: 'a mapping of locale: least number of opted-in contacts' },
);

const FILTER_WORDS = 'a value or a list of values';
const filterValue = z.union([plainValue(FILTER_WORDS), z.null()], { error: FILTER_WORDS });

export const sync = block({
  source: text('the name of a source'),
  destination: text('the name of a destination'),
  schedule: z.preprocess((value) => value, schedule.optional()),
  settleWithin: duration({ min: 1000 }).optional(),
  full: block({ every: duration({ min: 60_000 }) }, '{every: 7d}').optional(),
  mapping,
  filter: z.record(z.string(), oneOrMore(filterValue, FILTER_WORDS), { error: 'a mapping of contact field: value or values' }).optional(),
  onDelete: oneOf('optOut', 'erase', 'ignore').default('ignore'),
  guard: z.preprocess((value) => value, guard.optional()),
  backfill: block({ maxWaiting: count(1) }, '{maxWaiting: 50000}').optional(),
  verify: block(
    {
      after: oneOf('run', 'never').default('run'), locales: minimums.default({}), tolerance: count(0).default(0),
      confidence: numberThat(isConfidence, CONFIDENCE_WORDS).default(SAMPLE_DEFAULTS.confidence),
      maxError: numberThat(isMaxError, MAX_ERROR_WORDS).default(SAMPLE_DEFAULTS.maxError),
      campaign: text('the id of a campaign, as text').optional(),
    },
    'a mapping such as {after: run, locales: {en: 1}, tolerance: 0}',
  ).optional(),
});

/** Completes a sync. */
export function buildSync(name: string, parsed: z.output<typeof sync>): SyncConfig {
  return { name, ...parsed };
}
