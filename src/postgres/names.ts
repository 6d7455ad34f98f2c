export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The parts of a table's name; parts with dots or quotes may be written in double quotes, as in SQL. */
export function tableParts(table: string): string[] {
  const parts = table.match(/"(?:[^"]|"")+"|[^."]+/g) ?? [];
  return parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.trim()));
}
