export { createClient, type HttpAnswer, type HttpClient } from './client.js';
export { withDeadline } from './deadline.js';
export { outcomeOfError } from './errors.js';
export { parsed } from './parsed.js';
export { createTokens, tokenFrom, type Token, type Tokens } from './tokens.js';
export { personalValues } from './values.js';
export { quotaUntil, retryAfter } from './waits.js';
