export { readKeys, type KeyFile } from './keys.js';
export { csvLine, writeCsv, writeLines } from './write.js';
