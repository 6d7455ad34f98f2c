export { configurationOf, LiveConfig } from './configuration.js';
export { Connectors, type Wired } from './connectors.js';
export { heal, type Healed } from './heal.js';
export { cancelRun, registerRun, registerSync, startRun, wakeLane, type Orchestrator } from './start.js';
export { planSync, secondsFor, type PlanDocument, type PlanRequest } from './plan.js';
export { retryFailures } from './retry.js';
export { verifySync, type VerifyRequest } from './verify.js';
export { workerName } from './owner.js';
