import { z } from 'zod';
import { normaliseCountry, normaliseEmail, normaliseLocale, parseTemplate } from '../../contacts/index.js';
import { block, choose, isMapping, plainValue, refuse, text, textThat } from './helpers.js';
import type { Mapped, MappingConfig, PlainValue } from '../types.js';

/** Fields that can be made of expressions. */
export type FieldName = keyof MappingConfig;

/** What a constant of some fields has to be; in a column it would count as empty, with a warning for every contact. */
const FORMS: Partial<Readonly<Record<FieldName, { readonly words: string; readonly form: (text: string) => string | null }>>> = {
  email: { words: 'an e-mail address', form: normaliseEmail },
  locale: { words: 'a language such as en or pt-BR', form: normaliseLocale },
  country: { words: 'a country code of two letters (ISO 3166), such as US', form: normaliseCountry },
};

const VALUE_WORDS = 'text, a number, true or false';
const EXPRESSION_WORDS = '{from, map, default}, {const} or {template}';

/** Whether a value is written as an expression and not as a column. */
export function isExpression(value: unknown): boolean {
  return isMapping(value) && ['from', 'map', 'default', 'const', 'template'].some((key) => Object.hasOwn(value, key));
}

/** A value of a field; "" leaves it empty. */
function valueOf(field: FieldName): z.ZodType<PlainValue> {
  const rule = FORMS[field];
  if (rule === undefined) return plainValue(VALUE_WORDS);
  return plainValue(rule.words).refine((value) => value === '' || rule.form(String(value)) !== null, { error: rule.words });
}

const template = textThat((value) => (parseTemplate(value)?.names.length ?? 0) > 0, 'text with names in braces, such as "{firstName} {lastName}"; a plain brace is written twice');

/**
 * Where a field comes from.
 * @param name the schema of a name: a column, or a contact's field or attribute
 */
export function mapped(field: FieldName, name: z.ZodType<string>) {
  const value = valueOf(field);
  const constant = block({ const: value }, EXPRESSION_WORDS);
  const text = block({ template }, EXPRESSION_WORDS);
  const map = z.record(z.string(), z.union([value, z.null()], { error: FORMS[field]?.words ?? VALUE_WORDS }), { error: 'a mapping of value: value, such as {NO: en}' })
    .refine((entries) => Object.keys(entries).length > 0, { error: 'at least one value: value, such as {NO: en}' });
  const otherwise = choose((given): z.ZodType<PlainValue | { from: string }> => (isMapping(given) ? block({ from: name }) : value));
  const lookup = block({ from: name, map: map.optional(), default: z.preprocess((given) => given, otherwise.optional()) }, EXPRESSION_WORDS);
  return choose((given): z.ZodType<Mapped> => {
    if (!isMapping(given)) return name;
    if (Object.hasOwn(given, 'const')) return constant;
    return Object.hasOwn(given, 'template') ? text : lookup;
  });
}

const reference = text('the name of a contact field or attribute');

const ATTRIBUTES_WORDS = 'a mapping of attribute: contact field or attribute, or an expression of them';
const to = (field: FieldName) => z.preprocess((value) => value, mapped(field, reference).optional());

const TARGETS = {
  email: to('email'), phone: to('phone'), locale: to('locale'), country: to('country'), firstName: to('firstName'), lastName: to('lastName'),
  consentVersion: to('consentVersion'),
  attributes: z.record(z.string(), mapped('attributes', reference), { error: ATTRIBUTES_WORDS }).optional(),
} as const;

const CONSENT = refuse('no mapping here: consent comes from the source alone, by fields there').optional();
const STANDING = refuse('no mapping here: keys and deletion come from the source alone, by fields there').optional();
const REFUSED = { emailConsent: CONSENT, smsConsent: CONSENT, consentAt: CONSENT, key: STANDING, previousKey: STANDING, deletedAt: STANDING } as const;

const MAPPING_WORDS = 'a mapping of contact field: field or attribute, or an expression of them';

/** A sync's mapping. What is refused is not among the keys a mistake lists. */
export const mapping = z.preprocess(
  (value) => value,
  choose((value): z.ZodType<MappingConfig> => {
    const refused = isMapping(value) ? Object.entries(REFUSED).filter(([key]) => Object.hasOwn(value, key)) : [];
    return block({ ...TARGETS, ...Object.fromEntries(refused) }, MAPPING_WORDS);
  }).optional(),
);
