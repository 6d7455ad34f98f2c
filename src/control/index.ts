export { configurationOf, LiveConfig } from './configuration.js';
export { Connectors, type Wired } from './connectors.js';
export { heal, type Healed } from './heal.js';
export { cancelRun, registerRun, registerSync, startRun, wakeLane, wakeWaiting, type Orchestrator } from './start.js';
export { planSync, secondsFor, type PlanDocument, type PlanRequest } from './plan.js';
export { previewSource, type PreviewDocument, type PreviewRecord } from './preview.js';
export { retryFailures } from './retry.js';
export { verificationCost, verifySync, type VerificationCost, type VerifyRequest } from './verify.js';
export { workerName } from './owner.js';
