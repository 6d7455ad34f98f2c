import type { Argument, Command, Option } from 'commander';

/** A command as a shell completes it. */
export interface Node {
  /** The words that lead here, without the program's name; empty for the program itself. */
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly Node[];
  readonly options: readonly OptionWords[];
  /** What a positional argument may be, where that is fixed. */
  readonly choices: readonly string[];
}

export interface OptionWords {
  /** `--json`, and `-c` where it has a short form. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** Its value, where that is fixed. */
  readonly choices: readonly string[];
  /** Whether its value is a file. */
  readonly file: boolean;
}

/** The commander tree, with the global options at every command and the help that commander adds by itself. */
export function treeOf(program: Command): Node {
  return nodeOf(program, [], program.options);
}

function nodeOf(command: Command, path: readonly string[], global: readonly Option[]): Node {
  const options = path.length === 0 ? command.options : [...command.options, ...global.filter(({ long }) => long !== '--version')];
  return {
    path,
    description: command.description(),
    commands: command.commands.map((child) => nodeOf(child, [...path, child.name()], global)),
    options: [...options.filter(({ hidden }) => !hidden).map(wordsOf), { names: ['--help', '-h'], description: 'print this help', takesValue: false, choices: [], file: false }],
    choices: command.registeredArguments.flatMap(({ argChoices }: Argument) => argChoices ?? []),
  };
}

function wordsOf({ long, short, description, required, argChoices, flags }: Option): OptionWords {
  return {
    names: [long, short].filter((name): name is string => typeof name === 'string'),
    description,
    // A value that may be left out is no reason to take the next word for one.
    takesValue: required,
    choices: argChoices ?? [],
    file: /<(?:file|path)>/i.test(flags),
  };
}

/** Every command of the tree, the program first. */
export function flat(node: Node): readonly Node[] {
  return [node, ...node.commands.flatMap(flat)];
}
