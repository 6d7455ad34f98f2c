export { verificationReport } from './verification.js';
export { REPORT_WORDS, reportRun } from './run.js';
