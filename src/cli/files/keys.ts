import { readFile } from 'node:fs/promises';
import { CliError, EXIT } from '../exit.js';

/** A contact key of a file, and the line it stands on, from 1. */
export interface KeyLine {
  readonly line: number;
  readonly key: string;
}

/** What a file of keys says; `empty`: lines that have none. */
export interface KeyFile {
  readonly keys: readonly KeyLine[];
  readonly empty: readonly number[];
}

/** What an export put before a cell that a spreadsheet would have calculated. */
const GUARDED = /^'(?=[=+\-@\t\r])/;

/**
 * Reads contact keys: of a `.csv` its column `key` (an export, perhaps edited and saved by a spreadsheet, with whatever
 * separator it likes), of any other file one a line.
 * @throws CliError (exit 2) where the file cannot be read or has no such column
 */
export async function readKeys(file: string): Promise<KeyFile> {
  const text = (await textOf(file)).replace(/^\uFEFF/, '');
  const lines = /\.csv$/i.test(file) ? await ofCsv(file, text) : text.split(/\r\n|\n|\r/).map((key, index) => ({ line: index + 1, key: key.trim() })).filter(({ key }) => key !== '');
  return { keys: lines.filter(({ key }) => key !== ''), empty: lines.filter(({ key }) => key === '').map(({ line }) => line) };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, EXIT.misused, 'name the file of: syncline failures export SYNC FILE.csv, or one with a key a line');
  }
}

async function ofCsv(file: string, text: string): Promise<readonly KeyLine[]> {
  const { parse } = await import('csv-parse/sync');
  const first = /^[^\r\n]*/.exec(text)?.[0] ?? '';
  const delimiter = [',', ';', '\t'].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  let records: { readonly record: readonly string[]; readonly info: { readonly lines: number } }[];
  try {
    records = parse(text, { delimiter, info: true, relax_column_count: true, skip_empty_lines: true }) as unknown as typeof records;
  } catch (error) {
    throw new CliError(`${file} is no CSV: ${error instanceof Error ? error.message : 'unreadable'}`, EXIT.misused, 'or put one key a line into a .txt');
  }
  const header = records[0]?.record.map((name) => name.trim().toLowerCase()) ?? [];
  const column = header.indexOf('key');
  if (column < 0) throw new CliError(`${file} has no column "key"`, EXIT.misused, header.length === 0 ? 'it is empty' : `its columns: ${header.join(', ')}`);
  return records.slice(1).map(({ record, info }) => ({ line: info.lines, key: (record[column] ?? '').trim().replace(GUARDED, '') }));
}
