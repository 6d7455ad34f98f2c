export { mappingLine } from './mapping.js';
export { batchesView, runsView, runView, tallies } from './run.js';
export { costWords, verificationView } from './verification.js';
export { statusView } from './status.js';
