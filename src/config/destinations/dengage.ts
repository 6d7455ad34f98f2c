import { z } from 'zod';
import { block, isMapping, oneOf, text } from '../schema/helpers.js';
import type { BrokenRule } from '../schema/registry.js';
import { baseUrl } from '../schema/values.js';
import { PLATFORMS, defaultAccount } from '../platforms.js';
import type { DengageConfig } from '../types.js';
import { destinationShape } from './base.js';
import { defineDestination } from './define.js';

/** doc: the columns of master_contact that BulkUpsert knows by itself. They are filled from the contact, not from attributes. */
const OWN_COLUMNS: ReadonlySet<string> = new Set([
  'contact_key', 'new_contact_key', 'contact_status', 'email', 'email_permission', 'email_status', 'gsm', 'gsm_permission', 'gsm_status', 'name', 'surname',
]);

/** doc: gender, birth_date and subscription_date are theirs too, but nothing of a contact goes there unless it is mapped. */
const FREE = 'gender, birth_date, subscription_date or a custom column that is import-enabled';

function rules(raw: Readonly<Record<string, unknown>>): BrokenRule[] {
  const { columns } = raw;
  if (!isMapping(columns)) return [];
  return Object.keys(columns)
    .filter((column) => OWN_COLUMNS.has(column.toLowerCase()))
    .map((column) => ({ at: ['columns', column], found: 'a column that Syncline fills by itself', expected: FREE }));
}

/** An account of D·engage. */
export const dengageDestination = defineDestination({
  schema: block({
    type: oneOf('dengage'),
    baseUrl: baseUrl('https://eu-api.dengage.com').default('https://api.dengage.com'),
    userkey: text('the user key of an API user'),
    password: text('the password of the API user'),
    insertIfNotExists: z.boolean({ error: 'true or false' }).default(true),
    throwExceptionIfInvalidRecord: z.boolean({ error: 'true or false' }).default(false),
    columns: z.record(text('the name of a column'), text('the name of an attribute, or locale, country or consentVersion'), { error: 'a mapping of custom column: attribute' }).default({}),
    ...destinationShape(PLATFORMS.dengage),
  }),
  rules,
  build: (name, parsed): DengageConfig => ({
    name,
    ...parsed,
    account: parsed.account ?? defaultAccount('dengage', parsed.baseUrl, parsed.userkey),
  }),
});
