export { hostWorker, workerLives, type HostOptions, type WorkerHost } from './host.js';
