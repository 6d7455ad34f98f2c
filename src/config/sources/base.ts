import { country, column } from '../schema/values.js';
import { count, duration } from '../schema/helpers.js';
import { fields } from './fields.js';

/** Keys that every source with columns takes. */
export const SOURCE_SHAPE = {
  key: column(),
  updatedAt: column().optional(),
  overlap: duration().default(120_000),
  defaultCountry: country().optional(),
  fields,
  pageSize: count(1, 100_000).default(2000),
} as const;
