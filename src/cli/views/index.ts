export { costOfBackfill } from './backfill.js';
export { mappingLine } from './mapping.js';
export { batchesView, runsView, runView, tallies } from './run.js';
export { changesView, schedulesView } from './schedule.js';
export { costWords, verificationsView, verificationView } from './verification.js';
export { statusView } from './status.js';
