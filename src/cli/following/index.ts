export { followRun, type Followed, type FollowOptions } from './follow.js';
export { followEarlier } from './earlier.js';
export { exitOfRun, isHalted } from './verdict.js';
export { GIVE_UP_MS, isConnectionTrouble, Watch } from './trouble.js';
export { temporalAnswers, isTakenUp } from './workers.js';
export { Rate } from './rate.js';
export { followVerification, type Asked, type Certainty } from './verification.js';
