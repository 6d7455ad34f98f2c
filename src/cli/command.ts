import type { Command } from 'commander';
import type { Context } from './context.js';
import type { ExitCode } from './exit.js';

/** What a command does; without an exit code it is done. Gets the positional arguments, the options and the command, as commander gives them. */
export type Action<Args extends unknown[]> = (context: Context, ...args: Args) => Promise<ExitCode | undefined> | ExitCode | undefined;

/** Makes a commander action of one that takes a {@link Context}. */
export type Act = <Args extends unknown[]>(action: Action<Args>) => (...args: Args) => Promise<void>;

/**
 * Adds a command to the program; one a file in `commands/`. The global options (`--config`, `--json`, `--quiet`)
 * come by themselves. Import heavy modules inside the action.
 */
export type Register = (program: Command, act: Act) => void;

/** Examples under a command's help. */
export function examples(...lines: readonly string[]): string {
  return ['', lines.length === 1 ? 'Example:' : 'Examples:', ...lines.map((line) => `  $ syncline ${line}`)].join('\n');
}
