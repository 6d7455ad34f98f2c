export { createClient, type HttpAnswer, type HttpClient } from './client.js';
export { withDeadline } from './deadline.js';
export { neverSent, wordsOfError } from './errors.js';
export { maskPersonal, maskValues } from './mask.js';
export { parsed } from './parsed.js';
export { quotaUntil, retryAfter } from './waits.js';
