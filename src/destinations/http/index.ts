export { outcomeOfError } from './errors.js';
export { createTokens, tokenFrom, type Token, type Tokens } from './tokens.js';
export { personalValues } from './values.js';
