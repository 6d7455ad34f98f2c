export { expectedFromLedger } from './expected.js';
export { lastVerifications, recordVerification, type RecordedVerification } from './record.js';
export type { ExpectedContact, Verification, VerifyInput, VerifyProgress } from './types.js';
export { verifyAudience } from './verify.js';
