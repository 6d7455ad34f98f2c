import { PLATFORMS } from '../../config/index.js';
import type { DestinationFacts } from '../registry.js';

/** doc: "the batch size should not exceed 1000 contacts per request", 100 or fewer recommended. */
export const MAX_BATCH = PLATFORMS.mainbrainer.maxBatchSize;
const RECOMMENDED_BATCH = 100;

export const FACTS: DestinationFacts = {
  limits: PLATFORMS.mainbrainer.limits,
  batchSize: RECOMMENDED_BATCH,
  maxBatchSize: MAX_BATCH,
  defaultBaseUrl: 'https://apicrm.mainbrainer.com',
  afterErasure: "MainBrainer's API deletes nobody: both opt-ins are withdrawn, names and properties blanked. Mobile and e-mail stay, since it knows the contact by them: delete it there by hand.",
};

/** Shown by `plan` before a run. */
export const NOTICES: readonly string[] = [
  'MainBrainer takes an absent opt-in as no consent, so both opt-ins go with every call: what people said at MainBrainer itself is overwritten by what the source says, and by blank where it says nothing.',
];
