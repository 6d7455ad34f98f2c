import { z } from 'zod';
import { block, choose, isMapping, oneOrMore, plainValue } from '../schema/helpers.js';
import { column } from '../schema/values.js';
import type { FieldsConfig } from '../types.js';

const CONSENT_WORDS = 'a column, or {column, granted: [...], denied: [...]}';
const consentValues = oneOrMore(plainValue('text, a number, true or false'), 'the values that mean it').optional();

const consent = z.preprocess(
  (value) => (typeof value === 'string' ? { column: value } : value),
  block({ column: column(), granted: consentValues, denied: consentValues }, CONSENT_WORDS),
);

const ATTRIBUTE_WORDS = 'a list of columns, or a mapping of attribute: column';

const attributes = choose((value): z.ZodType<Record<string, string>> => {
  if (!Array.isArray(value)) return z.record(z.string(), column(), { error: ATTRIBUTE_WORDS });
  return z.array(column()).transform((names) => Object.fromEntries(names.map((name) => [name, name])));
});

/** The contact's fields, each with the column it comes from. */
export const FIELD_SHAPE = {
  email: column().optional(),
  phone: column().optional(),
  locale: column().optional(),
  emailConsent: consent.optional(),
  smsConsent: consent.optional(),
  consentAt: column().optional(),
  country: column().optional(),
  deletedAt: column().optional(),
  previousKey: column().optional(),
  firstName: column().optional(),
  lastName: column().optional(),
  attributes: z.preprocess((value) => value, attributes.optional()),
} as const;

export const fields = block(FIELD_SHAPE, 'a mapping of contact field: column') satisfies z.ZodType<FieldsConfig>;

/** A field's name in a filter: the contact's own, or `attributes.NAME`. */
export function isMapped(mapped: FieldsConfig, field: string): boolean {
  if (field.startsWith('attributes.')) return mapped.attributesFrom !== undefined || Object.hasOwn(mapped.attributes ?? {}, field.slice('attributes.'.length));
  return field !== 'attributes' && field !== 'attributesFrom' && isMapping(mapped) && Object.hasOwn(mapped, field) && mapped[field as keyof FieldsConfig] !== undefined;
}
