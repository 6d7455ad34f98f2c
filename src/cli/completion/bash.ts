import { flat } from './tree.js';
import type { Node } from './tree.js';

/** A script for bash 3.2 and newer; needs no bash-completion package. */
export function bashScript(program: Node): string {
  const nodes = flat(program);
  const values = new Map(nodes.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue)).flatMap((option) => option.names.map((name) => [name, option] as const)));
  const withChoices = nodes.flatMap(({ path, options }) => options.filter(({ choices }) => choices.length > 0).map((option) => ({ path, option })));
  return `# bash completion of syncline:  source <(syncline completion bash)
_syncline() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="" at="" word skip="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    prev="$word"
    if [[ -n "$skip" ]]; then skip=""; continue; fi
    case "$word" in
      ${[...values.keys()].join('|')}) skip=1; continue ;;
      -*) continue ;;
    esac
    case "$at/$word" in
      ${nodes.filter(({ path }) => path.length > 0).map(({ path }) => `/${path.join('/')}`).join('|')}) at="$at/$word" ;;
    esac
  done
  if [[ -n "$skip" ]]; then
    case "$at $prev" in
${withChoices.flatMap(({ path, option }) => option.names.map((name) => `      "${pathWord(path)} ${name}") COMPREPLY=($(compgen -W "${option.choices.join(' ')}" -- "$cur")) ;;`)).join('\n')}
      ${[...values].filter(([, { file }]) => file).map(([name]) => `*" ${name}"`).join('|')}) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
    return
  fi
  case "$at" in
${nodes.map((node) => `    "${pathWord(node.path)}") word="${wordsOf(node).join(' ')}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$word" -- "$cur"))
}
complete -o filenames -F _syncline syncline
`;
}

const pathWord = (path: readonly string[]): string => path.map((word) => `/${word}`).join('');

function wordsOf({ commands, options, choices }: Node): string[] {
  return [...commands.map(({ path }) => path.at(-1) ?? ''), ...choices, ...options.flatMap(({ names }) => names.filter((name) => name.startsWith('--')))];
}
