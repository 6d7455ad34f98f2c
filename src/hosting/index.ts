export { serveCodec, type CodecServerOptions } from './codec-server.js';
export { hostWorker, workerLives, type HostOptions, type WorkerHost } from './host.js';
export { serve, type Served, type ServeOptions } from './serve.js';
