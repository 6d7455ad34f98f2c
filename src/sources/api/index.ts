export { createApi, RefusedError, type Api, type ApiAnswer, type ApiRules } from './calls.js';
export { boundOf, boundedCursor, chosenKeys } from './cursor.js';
export { compilePath, keyText, type Pick } from './path.js';
export { wait, type Wait } from './wait.js';
