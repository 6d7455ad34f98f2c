import type { z } from 'zod';
import { block, choose, duration, isMapping, oneOf, refuse, text } from '../schema/helpers.js';
import { baseUrl } from '../schema/values.js';
import { PLATFORMS, defaultAccount } from '../platforms.js';
import type { MailingCoreConfig } from '../types.js';
import { destinationShape } from './base.js';
import { defineDestination } from './define.js';

type Suppressions = MailingCoreConfig['suppressions'];

const SUPPRESSIONS_WORDS = '{read: beforeRun}, {read: never} or {read: {every: 15m}}';
const every = block({ every: duration({ min: 1000 }) }, SUPPRESSIONS_WORDS);
const byWord = block({ read: oneOf('beforeRun', 'never').default('beforeRun') }, SUPPRESSIONS_WORDS);
const byAge = block({ read: every }, SUPPRESSIONS_WORDS);

/** `{every: 15m}` by itself is read as what it can only mean. */
const suppressions = choose((value): z.ZodType<Suppressions> => {
  if (!isMapping(value)) return refuse(SUPPRESSIONS_WORDS);
  if (Object.hasOwn(value, 'every') && !Object.hasOwn(value, 'read')) return every.transform((read): Suppressions => ({ read }));
  return isMapping(value['read']) ? byAge : byWord;
});

/** A tenant of MailingCore. */
export const mailingcoreDestination = defineDestination({
  schema: block({
    type: oneOf('mailingcore'),
    baseUrl: baseUrl('https://api.mailingcore.com').default('https://api.mailingcore.com'),
    apiKey: text('an API key'),
    tenantId: text('a tenant id'),
    webhookSecret: text('the secret of its webhooks').optional(),
    matchBy: oneOf('externalId', 'email').default('externalId'),
    suppressions: suppressions.optional().transform((given): Suppressions => given ?? { read: 'beforeRun' }),
    ...destinationShape(PLATFORMS.mailingcore),
  }),
  build: (name, parsed): MailingCoreConfig => ({
    name,
    ...parsed,
    account: parsed.account ?? defaultAccount('mailingcore', parsed.baseUrl, parsed.apiKey + parsed.tenantId),
  }),
});
