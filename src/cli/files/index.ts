export { besideOf, checkBeside, takesStdout, writeBeside } from './beside.js';
export type { Beside } from './beside.js';
export { readKeys, type KeyFile } from './keys.js';
export { csvLine, writeCsv, writeLines } from './write.js';
