import { PLATFORMS } from '../../config/index.js';
import type { DestinationFacts } from '../registry.js';

/** doc: the locales MailingCore takes. */
export const LOCALES: readonly string[] = ['es', 'en', 'it', 'fr', 'ca', 'de'];

/** doc: contacts a bulk call (CONTACTS_BULK_MAX), length of an externalId, of a consentVersion, contacts a page of a list. */
export const MAX_BATCH = PLATFORMS.mailingcore.maxBatchSize;
export const MAX_KEY = 128;
export const MAX_CONSENT_VERSION = 64;
export const PAGE = 500;

export const FACTS: DestinationFacts = {
  limits: PLATFORMS.mailingcore.limits,
  batchSize: MAX_BATCH,
  maxBatchSize: MAX_BATCH,
  defaultBaseUrl: 'https://api.mailingcore.com',
};
