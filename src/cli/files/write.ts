import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CliError, EXIT } from '../exit.js';

/** What a spreadsheet would take for a formula (or for the sign before one). */
const FORMULA = /^[=+\-@\t\r]/;

/** One record by RFC 4180, with its line end. A cell that a spreadsheet would calculate gets an apostrophe before it. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(cell: string | number | null): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes records under a header, in flat memory. @returns how many @throws CliError where the file cannot be written */
export async function writeCsv(file: string, header: readonly string[], rows: AsyncIterable<readonly (string | number | null)[]>, signal: AbortSignal): Promise<number> {
  let written = 0;
  async function* lines(): AsyncGenerator<string> {
    yield csvLine(header);
    for await (const row of rows) {
      written += 1;
      yield csvLine(row);
    }
  }
  await writeLines(file, lines(), signal);
  return written;
}

/** Writes a file in one step: it is there in full, or as it was. @throws CliError where it cannot be written */
export async function writeLines(file: string, lines: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  const beside = `${file}.${String(process.pid)}.part`;
  try {
    await pipeline(Readable.from(lines), createWriteStream(beside), { signal });
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    const code = error instanceof Error && 'code' in error && 'syscall' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new CliError(`${file} cannot be written (${code})`, EXIT.failed, 'name a file in a folder that exists and may be written');
  }
}
