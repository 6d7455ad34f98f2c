export { buildPage, optedIn, type BuiltPage, type Rules } from './page.js';
export { backfillReads, extract, type Extracted, type ExtractOptions } from './extract.js';
