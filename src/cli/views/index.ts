export { batchesView, runsView, runView, tallies } from './run.js';
export { verificationView } from './verification.js';
export { statusView } from './status.js';
