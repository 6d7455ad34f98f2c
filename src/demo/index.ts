export { openWorld, type DemoWorld, type WorldOptions } from './world.js';
export { tell, type Step, type StoryOptions } from './story.js';
export { readSum, sentSum, type Proof } from './proofs.js';
export { SETTLE_SECONDS, SYNC } from './config-file.js';
export type { Cost } from './faults.js';
