import { block, oneOf, text } from '../schema/helpers.js';
import { baseUrl } from '../schema/values.js';
import { PLATFORMS, defaultAccount } from '../platforms.js';
import type { MailingCoreConfig } from '../types.js';
import { destinationShape } from './base.js';
import { defineDestination } from './define.js';

/** A tenant of MailingCore. */
export const mailingcoreDestination = defineDestination({
  schema: block({
    type: oneOf('mailingcore'),
    baseUrl: baseUrl('https://api.mailingcore.com').default('https://api.mailingcore.com'),
    apiKey: text('an API key'),
    tenantId: text('a tenant id'),
    webhookSecret: text('the secret of its webhooks').optional(),
    matchBy: oneOf('externalId', 'email').default('externalId'),
    ...destinationShape(PLATFORMS.mailingcore),
  }),
  build: (name, parsed): MailingCoreConfig => ({
    name,
    ...parsed,
    account: parsed.account ?? defaultAccount('mailingcore', parsed.baseUrl, parsed.apiKey + parsed.tenantId),
  }),
});
