export { buildPage, optedIn, type BuiltPage, type Rules } from './page.js';
export { extract, type Extracted, type ExtractOptions } from './extract.js';
