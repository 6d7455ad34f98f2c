export { backfill } from './backfill.js';
export { sync } from './sync.js';
export { lane } from './lane.js';
export { verify } from './verify.js';
