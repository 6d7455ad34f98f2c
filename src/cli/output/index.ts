export { Output } from './output.js';
export type { Colors, OutputOptions, Sink } from './output.js';
export { Progress, fractionOf, progressBar, progressLine } from './progress.js';
export type { ProgressOptions, ProgressSnapshot } from './progress.js';
export { pairs, table } from './table.js';
export type { Cell, TableOptions } from './table.js';
export { formatClock, formatDuration, formatNumber, formatRelative } from '../../format/index.js';
