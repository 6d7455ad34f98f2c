import type { Context } from './context.js';

/**
 * Says which command comes next, on stderr; a program that reads the JSON, and whoever said `--quiet`, is not told.
 * @param command without the program's name
 * @param where what to know about it, in a few words
 */
export function tellNext({ output }: Context, command: string, where?: string): void {
  if (output.json) return;
  output.progress(`next: syncline ${command}${where === undefined ? '' : ` (${where})`}`);
}
