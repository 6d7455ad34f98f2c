export { openWorld, type DemoWorld, type WorldOptions } from './world.js';
export { tell, type Step, type StoryOptions } from './story.js';
export { readSum, sentSum, type PlatformName, type Proof } from './proofs.js';
export { DENGAGE_SYNC, MAINBRAINER_SYNC, SETTLE_SECONDS, SYNC } from './config-file.js';
export type { Cost } from './faults.js';
export type { OtherRun } from './others.js';
