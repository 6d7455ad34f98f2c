import { z } from 'zod';
import type { DeliveryWindow } from '../types.js';
import { block, textThat } from './helpers.js';
import { timeZone } from './values.js';

const WINDOW_WORDS = 'a mapping such as {from: 08:00, to: 20:00, timeZone: Europe/Paris}';
const TIME_WORDS = 'a time of day such as 08:00';
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAYS_WORDS = `a list of days, each one of ${DAYS.join(', ')} or a span such as mon-fri`;

/** Minutes after midnight; 24:00 is the end of the day. */
function timeOfDay() {
  const usable = (value: string): boolean => /^([01]\d|2[0-3]):[0-5]\d$/.test(value) || value === '24:00';
  return textThat(usable, TIME_WORDS).transform((value) => Number(value.slice(0, 2)) * 60 + Number(value.slice(3)));
}

/** `[mon-fri, sun]` as numbers, Sunday 0; undefined: not such a list. */
function numbersOfDays(days: readonly string[]): readonly number[] | undefined {
  const numbers = new Set<number>();
  for (const day of days) {
    const [first, last = first, ...rest] = day.toLowerCase().split('-').map((name) => (DAYS as readonly string[]).indexOf(name));
    if (first === undefined || last === undefined || first < 0 || last < 0 || rest.length > 0) return undefined;
    for (let at = first; ; at = (at + 1) % 7) {
      numbers.add(at);
      if (at === last) break;
    }
  }
  return [...numbers].sort((a, b) => a - b);
}

const days = z.array(z.string({ error: DAYS_WORDS }), { error: DAYS_WORDS }).min(1, { error: DAYS_WORDS })
  .refine((value) => numbersOfDays(value) !== undefined, { error: DAYS_WORDS })
  .transform((value) => numbersOfDays(value) ?? []);

/** When bulk calls may leave. Over midnight where `to` is before `from`; a day is the one on which the window opens. */
export function deliveryWindow() {
  return block({ from: timeOfDay(), to: timeOfDay(), timeZone: timeZone(), days: days.optional() }, WINDOW_WORDS)
    .refine(({ from, to }) => from % 1440 !== to % 1440, { error: 'two different times: without a window, leave it out', path: ['to'] })
    .transform((window): DeliveryWindow => window);
}
