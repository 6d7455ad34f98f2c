export { backfill } from './backfill.js';
export { sync } from './sync.js';
export { lane } from './lane.js';
export { retry } from './retry.js';
export { verify } from './verify.js';
