import { PLATFORMS } from '../../config/index.js';
import type { DestinationFacts } from '../registry.js';

/** doc: records a call. */
export const MAX_BATCH = PLATFORMS.dengage.maxBatchSize;

/**
 * Contacts renamed in a call. After a cut each of them is looked up by its new key, one read after the other, while the
 * account makes no other call: at the default pace of reads a hundred take some two minutes, a thousand a quarter of an hour.
 */
export const MAX_RENAMES = 100;

/** doc: the longest value of each column; custom columns have none that is told. */
export const LONGEST = { email: 255, gsm: 20, name: 100, surname: 100 } as const;

export const FACTS: DestinationFacts = {
  limits: PLATFORMS.dengage.limits,
  batchSize: MAX_BATCH,
  maxBatchSize: MAX_BATCH,
  defaultBaseUrl: 'https://api.dengage.com',
  afterErasure: "D·engage's API deletes nobody: the contact is made passive, both permissions are taken, every column Syncline fills is blanked. Its contact_key stays: delete it there by hand.",
};

/** What somebody should know before a run. */
export const NOTICES: readonly string[] = [
  'D·engage gives a new contact both permissions unless a call says otherwise, so inserts and consent changes carry both: a channel whose consent is denied, unknown or not mapped goes out as false.',
  'An opt-out made at D·engage outlives updates without a change of consent; the first load over contacts that are already there sets both permissions, and so does a change of consent, for both channels.',
  'A call that changes consent and one that does not are two calls, a minute apart.',
];
