import { z } from 'zod';
import { renamed } from '../../contacts/index.js';
import { block, choose, count, duration, oneOf, text } from '../schema/helpers.js';
import { baseUrl, LONGEST_CALL } from '../schema/values.js';
import { PLATFORMS } from '../platforms.js';
import type { FieldsConfig, MailingCoreSourceConfig } from '../types.js';
import { SOURCE_SHAPE } from './base.js';
import { defineSource } from './define.js';
import { FIELD_SHAPE } from './fields.js';
import { consentAtIsNoUpdateTime } from './rules.js';

/** doc: contacts a page of the list, at most. */
const PAGE = 500;
const ATTRIBUTE = 'attributes.';

/** What a contact becomes there, reversed. */
const DEFAULTS: FieldsConfig = {
  email: 'email',
  phone: 'attributes.phone',
  locale: 'locale',
  emailConsent: { column: 'optIn' },
  firstName: 'attributes.firstName',
  lastName: 'attributes.lastName',
};

/** A field, or false where one that is mapped by itself shall not be. */
const orFalse = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => value, choose((value): z.ZodType<z.output<T> | false> => (value === false ? z.literal(false) : schema) as z.ZodType<z.output<T> | false>).optional());

const fields = block(
  {
    ...FIELD_SHAPE,
    email: orFalse(FIELD_SHAPE.email),
    phone: orFalse(FIELD_SHAPE.phone),
    locale: orFalse(FIELD_SHAPE.locale),
    emailConsent: orFalse(FIELD_SHAPE.emailConsent),
    firstName: orFalse(FIELD_SHAPE.firstName),
    lastName: orFalse(FIELD_SHAPE.lastName),
    attributes: orFalse(FIELD_SHAPE.attributes),
  },
  'a mapping of contact field: path, or false',
);

const limits = block({ calls: count(1).optional(), per: duration({ min: 1 }).optional() }, 'a mapping such as {calls: 100, per: 60s}');

/** A tenant of MailingCore, read. */
export const mailingcoreSource = defineSource({
  schema: block({
    type: oneOf('mailingcore'),
    baseUrl: baseUrl('https://api.mailingcore.com').default('https://api.mailingcore.com'),
    apiKey: text('an API key'),
    tenantId: text('a tenant id'),
    overlap: SOURCE_SHAPE.overlap,
    defaultCountry: SOURCE_SHAPE.defaultCountry,
    fields: fields.optional(),
    pageSize: count(1, PAGE).default(PAGE),
    limits: limits.optional().transform((given) => ({ calls: given?.calls ?? PLATFORMS.mailingcore.limits.calls, per: given?.per ?? PLATFORMS.mailingcore.limits.per })),
    timeout: duration({ min: 1, max: LONGEST_CALL }).default(30_000),
  }),
  rules: (raw) => consentAtIsNoUpdateTime({ ...raw, updatedAt: 'updatedAt' }),
  build: (name, parsed): MailingCoreSourceConfig => ({ name, ...parsed, key: 'externalId', updatedAt: 'updatedAt', fields: fieldsOf(parsed.fields ?? {}) }),
});

/** The defaults, with what is given in their place. Attributes that are named are the only ones; else all are taken. */
function fieldsOf({ attributes, ...given }: z.output<typeof fields>): FieldsConfig {
  const said = Object.entries(given).filter(([, path]) => path !== undefined);
  const own = Object.fromEntries(Object.entries<unknown>({ ...DEFAULTS, ...Object.fromEntries(said) }).filter(([, path]) => path !== false)) as FieldsConfig;
  if (attributes === undefined) return { ...own, attributesFrom: 'attributes.*' };
  if (attributes === false) return own;
  const named = Object.entries(attributes).map(([name, path]) => [name, renamed(path, attributePath)] as const);
  return { ...own, attributes: Object.fromEntries(named) };
}

/** Attributes are named as they are there; `$.` leads to the contact's own fields. */
function attributePath(path: string): string {
  return path.startsWith('$.') || path.startsWith(ATTRIBUTE) ? path : ATTRIBUTE + path;
}
