export { cancelRunning, cutConnection, newClient } from './connection.js';
export { quoteIdentifier, tableParts } from './names.js';
export { databaseWords, isPasswordMissing, isSqlState, isTlsTrouble } from './words.js';
