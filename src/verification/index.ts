export { judgeCampaign, withCampaign, type CampaignCounts } from './campaign.js';
export { knownContacts, sampleCost, type SampleCost } from './cost.js';
export { consentOf, expectedFromLedger } from './expected.js';
export { verifyReceipts } from './receipts.js';
export { lastVerifications, recordVerification, type RecordedVerification } from './record.js';
export { verifySample } from './sample.js';
export type { CompareInput, ExpectedContact, SampleInput, Verification, VerifyInput, VerifyProgress } from './types.js';
export { verifyAudience } from './verify.js';
