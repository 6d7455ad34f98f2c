export { RefusedError, type ApiAnswer, type ApiRules, type Reason } from './answers.js';
export { createApi, type Api } from './calls.js';
export { boundOf, boundedCursor, chosenKeys, wholeSecond } from './cursor.js';
export { alternatives, compilePath, isRecord, keyText, type Pick } from './path.js';
export { persist, type Patience, type Verdict } from './persist.js';
export { wait, type Wait } from './wait.js';
