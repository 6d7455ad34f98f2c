import type { Command } from 'commander';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { treeOf } from './tree.js';
import type { Node } from './tree.js';
import { zshScript } from './zsh.js';

/** Every shell there is a script for. */
const SCRIPTS: Readonly<Record<string, (program: Node) => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** The shells, by name. */
export const SHELLS: readonly string[] = Object.keys(SCRIPTS);

/** The completion script of a program for a shell of {@link SHELLS}. @throws Error for any other */
export function completionScript(program: Command, shell: string): string {
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined) throw new Error(`there is no completion for ${shell}; known: ${SHELLS.join(', ')}`);
  return script(treeOf(program));
}
