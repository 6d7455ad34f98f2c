import { z } from 'zod';
import { block, duration, oneOf, text, textThat } from '../schema/helpers.js';
import { baseUrl, isHttpUrl } from '../schema/values.js';
import { PLATFORMS, defaultAccount } from '../platforms.js';
import type { MainBrainerConfig } from '../types.js';
import { destinationShape } from './base.js';
import { defineDestination } from './define.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Where the platform calls: unlike a base URL it may have parameters, which are kept. */
const webhookUrl = textThat(
  (value) => isHttpUrl(value) && new URL(value).hash === '',
  'a URL such as https://sync.example/webhooks/sms',
);

const propertiesWords = 'a mapping of property name or uuid: attribute';

/** An account of MainBrainer, or a list of it. */
export const mainbrainerDestination = defineDestination({
  schema: block({
    type: oneOf('mainbrainer'),
    baseUrl: baseUrl('https://apicrm.mainbrainer.com').default('https://apicrm.mainbrainer.com'),
    userName: text('the e-mail address of the account'),
    password: text('a password'),
    privateToken: text('the private token of the account'),
    listId: textThat((value) => UUID.test(value), 'the uuid of a list').optional(),
    webhookUrl: webhookUrl.optional(),
    onKeyChange: oneOf('hold', 'send').default('hold'),
    properties: z.record(z.string().min(1), text('the name of an attribute'), { error: propertiesWords }).default({}),
    resultsWithin: duration({ min: 1000 }).default(30 * 60_000),
    // doc: 100 contacts a call are recommended, and changes can take a few minutes to be applied.
    ...destinationShape(PLATFORMS.mainbrainer, { batchSize: 100, settleDelay: 60_000 }),
  }),
  build: (name, parsed): MainBrainerConfig => ({
    name,
    ...parsed,
    account: parsed.account ?? defaultAccount('mainbrainer', parsed.baseUrl, parsed.userName + parsed.privateToken),
  }),
});
