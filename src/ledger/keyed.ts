/**
 * SQL: a text as the ledger keeps it where it needs only to be recognised, as the function `keyed` of the schema makes
 * it. For many rows: `installation i` must be joined, and is read once.
 */
export const keyed = (text: string): string => `substr(sha256(i.pepper || convert_to(${text}, 'UTF8')), 1, 16)`;
