export { asJunit } from './junit.js';
export { asMarkdown } from './markdown.js';
export type { PaceLimits } from './pace.js';
export type { Made } from './page.js';
export { runPage, type RunReport } from './run-page.js';
export { verificationPage, type VerificationReport } from './verification-page.js';
export { evidenceOf, otherFaults, percent } from './words.js';
