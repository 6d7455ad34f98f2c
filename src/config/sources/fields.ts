import { z } from 'zod';
import { isExpression, mapped, type FieldName } from '../schema/expression.js';
import { block, choose, isMapping, oneOrMore, plainValue, refuse } from '../schema/helpers.js';
import { column } from '../schema/values.js';
import type { ConsentField, FieldsConfig, Mapped, MappingConfig } from '../types.js';

const CONSENT_WORDS = 'a column, or {column, granted: [...], denied: [...]}';
const consentValues = oneOrMore(plainValue('text, a number, true or false'), 'the values that mean it').optional();

const columnOfConsent = block({ column: column(), granted: consentValues, denied: consentValues, unknown: consentValues }, CONSENT_WORDS);

const consent = z.preprocess(
  (value) => (typeof value === 'string' ? { column: value } : value),
  choose((value): z.ZodType<ConsentField> => (isExpression(value) ? refuse(`${CONSENT_WORDS}: consent is never made of a constant, a template or a lookup`) : columnOfConsent)),
);

const ATTRIBUTE_WORDS = 'a list of columns, or a mapping of attribute: column';

const attributes = choose((value): z.ZodType<Record<string, Mapped>> => {
  if (!Array.isArray(value)) return z.record(z.string(), mapped('attributes', column()), { error: ATTRIBUTE_WORDS });
  return z.array(column()).transform((names) => Object.fromEntries(names.map((name) => [name, name])));
});

const from = (field: FieldName) => z.preprocess((value) => value, mapped(field, column()).optional());

/** The contact's fields, each with the column it comes from. */
export const FIELD_SHAPE = {
  email: from('email'),
  phone: from('phone'),
  locale: from('locale'),
  emailConsent: consent.optional(),
  smsConsent: consent.optional(),
  consentAt: column().optional(),
  consentVersion: from('consentVersion'),
  country: from('country'),
  deletedAt: column().optional(),
  previousKey: column().optional(),
  firstName: from('firstName'),
  lastName: from('lastName'),
  attributes: z.preprocess((value) => value, attributes.optional()),
} as const;

export const fields = block(FIELD_SHAPE, 'a mapping of contact field: column') satisfies z.ZodType<FieldsConfig>;

/** A field's name in a filter: the contact's own, or `attributes.NAME`. */
export function isMapped(fields: FieldsConfig | MappingConfig, field: string): boolean {
  if (field.startsWith('attributes.')) return ('attributesFrom' in fields && fields.attributesFrom !== undefined) || Object.hasOwn(fields.attributes ?? {}, field.slice('attributes.'.length));
  return field !== 'attributes' && field !== 'attributesFrom' && isMapping(fields) && Object.hasOwn(fields, field) && fields[field as keyof MappingConfig] !== undefined;
}
