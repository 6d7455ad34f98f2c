export { drive } from './driver.js';
export type { Driven, DriveOptions, DriveResult } from './drive-options.js';
export { backoffMs, decide, STUBBORN_AFTER, type Consequence, type Situation } from './decide.js';
export { choose, type Choice, type Filling } from './choose.js';
export { mostCalls, WITHOUT_WITNESS } from './split-bound.js';
export { pacedCalls, readBudget, type Seen } from './paced.js';
export { opening, throughWindow, windowAt, type WindowState } from './window.js';
