import { flat } from './tree.js';
import type { Node } from './tree.js';

/** A script for fish 3: `syncline completion fish | source`, or a file in its completions folder. */
export function fishScript(program: Node): string {
  const nodes = flat(program);
  const values = [...new Set(nodes.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue).flatMap(({ names }) => names)))];
  return `# fish completion of syncline:  syncline completion fish | source
function __syncline_path
  set -l at
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    if contains -- $word ${values.join(' ')}
      set skip 1
      continue
    end
    if contains -- "$at/$word" ${nodes.filter(({ path }) => path.length > 0).map(({ path }) => `/${path.join('/')}`).join(' ')}
      set at "$at/$word"
    end
  end
  echo "$at"
end
function __syncline_at
  test (__syncline_path) = "$argv[1]"
end
complete -c syncline -f
${nodes.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ path, commands, options, choices }: Node): string[] {
  const begin = `complete -c syncline -n '__syncline_at "${path.map((word) => `/${word}`).join('')}"'`;
  return [
    ...commands.map((child) => `${begin} -a ${child.path.at(-1) ?? ''} -d ${quoted(child.description)}`),
    ...choices.map((choice) => `${begin} -a ${choice}`),
    ...options.map(({ names, description, takesValue, choices: of, file }) => {
      const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
      const value = !takesValue ? '' : of.length > 0 ? ` -x -a ${quoted(of.join(' '))}` : file ? ' -r -F' : ' -x';
      return `${begin} ${flags}${value} -d ${quoted(description)}`;
    }),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
