import { PLATFORMS } from '../../config/index.js';
import type { DestinationFacts } from '../registry.js';

export const MAX_BATCH = PLATFORMS.postgres.maxBatchSize;
/** Rows a page of a reading. */
export const PAGE = 2000;

export const FACTS: DestinationFacts = {
  limits: PLATFORMS.postgres.limits,
  batchSize: MAX_BATCH,
  maxBatchSize: MAX_BATCH,
  defaultBaseUrl: 'postgres://localhost:5432',
};

/** What the connector says about a column of consent. */
export const CONSENT_FIELDS = ['emailConsent', 'smsConsent'] as const;
export type ConsentName = (typeof CONSENT_FIELDS)[number];

export const isConsent = (from: string): from is ConsentName => from === 'emailConsent' || from === 'smsConsent';
