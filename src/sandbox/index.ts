export { FaultsError } from './platform.js';
export type { PlantedContact, PlatformControl } from './platform.js';
export { loadFaults } from './faults.js';
export type { Faults } from './faults.js';
export type { Call, CallStats } from './calls.js';
export type { MailingCoreControl, MailingCoreFaults } from './mailingcore/index.js';
export { startSandbox } from './server.js';
export type { Sandbox, SandboxOptions } from './server.js';
