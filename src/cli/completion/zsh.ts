import { flat } from './tree.js';
import type { Node } from './tree.js';

/** A script for zsh 5: sourced after compinit, or a file `_syncline` on the fpath. */
export function zshScript(program: Node): string {
  const nodes = flat(program);
  const options = nodes.flatMap((node) => node.options.filter(({ takesValue }) => takesValue).map((option) => ({ path: node.path, option })));
  const names = [...new Set(options.flatMap(({ option }) => option.names))];
  const files = [...new Set(options.filter(({ option }) => option.file).flatMap(({ option }) => option.names))];
  return `#compdef syncline
# zsh completion of syncline:  source <(syncline completion zsh)
_syncline() {
  local at="" word skip="" prev="" i
  local -a entries
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    prev="$word"
    if [[ -n "$skip" ]]; then skip=""; continue; fi
    case "$word" in
      ${names.join('|')}) skip=1; continue ;;
      -*) continue ;;
    esac
    case "$at/$word" in
      ${nodes.filter(({ path }) => path.length > 0).map(({ path }) => `/${path.join('/')}`).join('|')}) at="$at/$word" ;;
    esac
  done
  if [[ -n "$skip" ]]; then
    case "$at $prev" in
${options.filter(({ option }) => option.choices.length > 0).flatMap(({ path, option }) => option.names.map((name) => `      "${pathWord(path)} ${name}") compadd -- ${option.choices.join(' ')} ;;`)).join('\n')}
      ${files.map((name) => `*" ${name}"`).join('|')}) _files ;;
    esac
    return
  fi
  case "$at" in
${nodes.map((node) => `    "${pathWord(node.path)}") entries=(${entriesOf(node).join(' ')}) ;;`).join('\n')}
  esac
  _describe -t words syncline entries
}
if [[ "\${funcstack[1]}" == _syncline ]]; then _syncline "$@"; else compdef _syncline syncline; fi
`;
}

const pathWord = (path: readonly string[]): string => path.map((word) => `/${word}`).join('');

/** `word:what it is` for _describe, in single quotes. */
function entriesOf({ commands, options, choices }: Node): string[] {
  return [
    ...commands.map(({ path, description }) => entry(path.at(-1) ?? '', description)),
    ...choices.map((choice) => entry(choice, '')),
    ...options.flatMap(({ names, description }) => names.filter((name) => name.startsWith('--')).map((name) => entry(name, description))),
  ];
}

function entry(word: string, description: string): string {
  return `'${`${word.replaceAll(':', '\\:')}:${description}`.replaceAll("'", `'\\''`)}'`;
}
