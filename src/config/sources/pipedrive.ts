import { block, count, duration, oneOf, text } from '../schema/helpers.js';
import { baseUrl, column, country, LONGEST_CALL } from '../schema/values.js';
import type { FieldsConfig, PipedriveSourceConfig } from '../types.js';
import { defineSource } from './define.js';
import { fields } from './fields.js';
import { consentAtIsNoUpdateTime } from './rules.js';

/** doc: what updated_since and updated_until compare with. */
const UPDATED_AT = 'update_time';

const DEFAULT_FIELDS: FieldsConfig = {
  email: 'email',
  phone: 'phone',
  firstName: 'first_name',
  lastName: 'last_name',
  deletedAt: 'deleted_at',
};

/** The persons of a Pipedrive company. Columns are paths into its person. */
export const pipedriveSource = defineSource({
  schema: block({
    type: oneOf('pipedrive'),
    baseUrl: baseUrl('https://company.pipedrive.com'),
    apiToken: text('an API token'),
    key: column().default('id'),
    overlap: duration().default(120_000),
    defaultCountry: country().optional(),
    fields: fields.optional(),
    pageSize: count(1, 500).default(500),
    timeout: duration({ min: 1, max: LONGEST_CALL }).default(30_000),
  }),
  rules: (raw) => consentAtIsNoUpdateTime({ ...raw, updatedAt: UPDATED_AT }),
  build: (name, parsed): PipedriveSourceConfig => ({ name, ...parsed, updatedAt: UPDATED_AT, fields: parsed.fields ?? DEFAULT_FIELDS }),
});
