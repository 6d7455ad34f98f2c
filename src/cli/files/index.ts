export { csvLine, writeCsv, writeLines } from './write.js';
