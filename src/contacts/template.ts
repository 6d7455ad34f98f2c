/** A template taken apart: `texts` stand before, between and after `names`, so there is one more of them. */
export interface Template {
  readonly texts: readonly string[];
  readonly names: readonly string[];
}

const PART = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;

/**
 * Takes a template such as `{firstName} {lastName}` apart; `{{` and `}}` are plain braces.
 * @returns null where a brace stands alone or a name is empty
 */
export function parseTemplate(text: string): Template | null {
  const texts = [''];
  const names: string[] = [];
  for (const [part, inside] of text.matchAll(PART)) {
    if (inside !== undefined) {
      const name = inside.trim();
      if (name === '') return null;
      names.push(name);
      texts.push('');
    } else if (part === '{' || part === '}') {
      return null;
    } else {
      texts[texts.length - 1] += part === '{{' || part === '}}' ? part.slice(1) : part;
    }
  }
  return { texts, names };
}

/** A template put together again, with other names in the places of its own. */
export function templateText({ texts, names }: Template, nameOf: (name: string) => string): string {
  const plain = texts.map((text) => text.replace(/[{}]/g, '$&$&'));
  return plain.reduce((text, part, i) => `${text}{${nameOf(names[i - 1] ?? '')}}${part}`);
}
