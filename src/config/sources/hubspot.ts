import { block, count, duration, oneOf, text } from '../schema/helpers.js';
import { baseUrl, column, country, LONGEST_CALL } from '../schema/values.js';
import type { FieldsConfig, HubspotSourceConfig } from '../types.js';
import { defineSource } from './define.js';
import { fields } from './fields.js';
import { consentAtIsNoUpdateTime } from './rules.js';

/** doc: the time of a contact's last change; other objects have hs_lastmodifieddate. */
const UPDATED_AT = 'lastmodifieddate';

const DEFAULT_FIELDS: FieldsConfig = {
  email: 'email',
  phone: 'phone|mobilephone',
  locale: 'hs_language',
  country: 'country',
  firstName: 'firstname',
  lastName: 'lastname',
  deletedAt: 'archivedAt',
};

/** The contacts of a HubSpot account. Columns are property names. */
export const hubspotSource = defineSource({
  schema: block({
    type: oneOf('hubspot'),
    accessToken: text('the access token of a private app'),
    baseUrl: baseUrl('https://api.hubapi.com').default('https://api.hubapi.com'),
    key: column().default('hs_object_id'),
    // The search index runs minutes behind.
    overlap: duration().default(600_000),
    defaultCountry: country().optional(),
    fields: fields.optional(),
    pageSize: count(1, 200).default(200),
    timeout: duration({ min: 1, max: LONGEST_CALL }).default(30_000),
  }),
  rules: (raw) => consentAtIsNoUpdateTime({ ...raw, updatedAt: UPDATED_AT }),
  build: (name, parsed): HubspotSourceConfig => ({ name, ...parsed, updatedAt: UPDATED_AT, fields: parsed.fields ?? DEFAULT_FIELDS }),
});
