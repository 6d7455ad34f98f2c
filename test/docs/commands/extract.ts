import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A command as a document shows it. */
export interface DocumentedCommand {
  /** `docs/operations.md:31`. */
  readonly where: string;
  /** As it stands there, one of several alternatives chosen. */
  readonly text: string;
  /** Split as a shell does, without `npx` before `syncline`. */
  readonly words: readonly string[];
  /** Within a line of prose or a table: what it needs besides may be left out. */
  readonly inline: boolean;
}

/** The documents a user reads. */
export function documents(): readonly string[] {
  const examples = readdirSync(path.join(ROOT, 'examples')).map((name) => `examples/${name}/README.md`).filter((file) => existsSync(path.join(ROOT, file)));
  return ['README.md', ...readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md')).sort().map((name) => `docs/${name}`), ...examples];
}

/** Every command of a document: the lines of its shell blocks, and code within its text that is a command of ours as a whole. */
export function commandsOf(file: string): readonly DocumentedCommand[] {
  return commandsIn(file, readFileSync(path.join(ROOT, file), 'utf8'));
}

/** The same for a text. @param file as it is to be named */
export function commandsIn(file: string, text: string): readonly DocumentedCommand[] {
  const found: DocumentedCommand[] = [];
  let fence: string | null = null;
  let begun: { readonly line: number; readonly text: string } | null = null;
  text.split('\n').forEach((raw, index) => {
    const [, language] = /^\s*```(\w*)/.exec(raw) ?? [];
    if (language !== undefined) {
      fence = fence === null ? language : null;
      return;
    }
    const line: number = begun?.line ?? index + 1;
    if (fence === null) {
      for (const [, code = ''] of raw.matchAll(/(?<!`)`([^`]+)`(?!`)/g)) if (/^(?:npx )?syncline \S|^npm (?:run|test)\b/.test(code)) found.push(...shown(`${file}:${line}`, code, true));
    } else if (/^(?:sh|bash|console)$/.test(fence)) {
      const whole: string = `${begun?.text ?? ''}${raw.replace(/^\s*\$ /, '')}`;
      begun = whole.endsWith('\\') ? { line, text: whole.slice(0, -1) } : null;
      if (begun === null) for (const one of sentences(whole)) found.push(...shown(`${file}:${line}`, one, false));
    }
  });
  return found;
}

/** The commands of one line: without its comment, apart at `&&`, `;` and `|`. */
function sentences(line: string): string[] {
  const parts = [''];
  let quote = '';
  for (let i = 0; i < line.length; i += 1) {
    const letter = line[i] as string;
    if (quote === '' && letter === '#' && /^\s?$/.test(line[i - 1] ?? '')) break;
    if (quote === '' && (letter === '"' || letter === "'")) quote = letter;
    else if (letter === quote) quote = '';
    if (quote === '' && (letter === ';' || (letter === '|' && /\s/.test(line[i - 1] ?? '')) || letter === '&')) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** One command for each alternative of `pause|resume`; what stands in brackets belongs to it. */
function shown(where: string, text: string, inline: boolean): DocumentedCommand[] {
  const plain = text.replace(/\s*\[([^\]]*)\]/g, ' $1').replaceAll('\\|', '|').trim();
  const words = split(plain);
  const start = words[0] === 'npx' ? 1 : 0;
  const choices = words.slice(start).map((word) => (/^[\w-]+(?:\|[\w-]+)+$/.test(word) ? word.split('|') : [word]));
  const every = choices.reduce<string[][]>((lines, alternatives) => lines.flatMap((line) => alternatives.map((one) => [...line, one])), [[]]);
  return every.map((line) => ({ where, text: line.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(' '), words: line, inline }));
}

/** Words as a shell splits them. */
function split(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}
