import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import { writeLines } from './write.js';

/** A file that is written beside a command's result, as it was asked for. */
export interface Beside {
  /** For messages: `--junit`. */
  readonly option: string;
  /** `-`: stdout, in place of what a person is shown. */
  readonly file: string;
}

const STDOUT = '-';

/** Those that may go to stdout: what another program takes up. */
const FOR_STDOUT: readonly string[] = ['--junit', '--markdown'];

/** Takes the options that name a file, by their names without dashes. */
export function besideOf(files: Readonly<Record<string, string | undefined>>): readonly Beside[] {
  return Object.entries(files).flatMap(([name, file]) => (file === undefined ? [] : [{ option: `--${name}`, file }]));
}

/**
 * Checks ahead that they can be written: nobody waits for a result that then cannot be kept.
 * @throws CliError (exit 2) where two would share a place, (exit 1) where a folder is not there or may not be written
 */
export async function checkBeside({ cwd, output }: Context, asked: readonly Beside[]): Promise<void> {
  const taken = new Map<string, string>();
  for (const { option, file } of asked) {
    const places = FOR_STDOUT.includes(option) ? 'expected a file, or - for stdout' : 'expected a file';
    if (file.trim() === '' || (file === STDOUT && !FOR_STDOUT.includes(option))) throw new CliError(`${option}: found ${JSON.stringify(file)}`, EXIT.misused, places);
    if (file === STDOUT && output.json) throw new CliError(`${option} - and --json both write to stdout`, EXIT.misused, 'name a file for one of them');
    const place = file === STDOUT ? file : resolve(cwd, file);
    const other = taken.get(place);
    if (other !== undefined) throw new CliError(`${other} and ${option} name the same file`, EXIT.misused, 'name a file for each');
    taken.set(place, option);
    if (file !== STDOUT) await checkFolder(place);
  }
}

async function checkFolder(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
    const there = await stat(file).catch(() => undefined);
    if (there?.isDirectory() === true) throw Object.assign(new Error(), { code: 'EISDIR' });
  } catch (error) {
    throw cannotBeWritten(file, (error as { code?: string }).code ?? 'unknown');
  }
}

const cannotBeWritten = (file: string, code: string): CliError => new CliError(`${file} cannot be written (${code})`, EXIT.failed, 'name a file in a folder that exists and may be written');

/** Whether one of them is written to stdout, in place of what a person is shown. */
export const takesStdout = (asked: readonly Beside[]): boolean => asked.some(({ file }) => file === STDOUT);

/**
 * Writes them, each in full or not at all; one that cannot be written is told and keeps no other from it.
 * @returns whether all were written
 */
export async function writeBeside({ cwd, output, signal }: Context, texts: readonly (Beside & { readonly text: string })[]): Promise<boolean> {
  let whole = true;
  for (const { file, text } of texts) {
    if (file === STDOUT) {
      output.print(text);
      continue;
    }
    try {
      await writeLines(resolve(cwd, file), once(text), signal);
      output.progress(`written: ${file}`);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      output.error(error.message, error.hint);
      whole = false;
    }
  }
  return whole;
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
