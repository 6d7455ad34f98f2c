/** Text that is markup already: what may stand in a page as it is. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What can be put into markup. Text is escaped; null is nothing. */
export type Part = string | number | Markup | null | readonly Part[];

/** What XML 1.0 cannot hold, however it is written: control characters, halves of pairs, two non-characters. */
const IMPOSSIBLE = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '\n': '&#10;', '\r': '&#13;', '\t': '&#9;',
};

/** Text as it may stand in an element or an attribute of XML and HTML. What cannot becomes U+FFFD. */
export function escapeMarkup(text: string): string {
  return text.replace(IMPOSSIBLE, '\ufffd').replace(/[&<>"'\n\r\t]/g, (character) => ENTITIES[character] as string);
}

/** Markup as it is written, with every value in it escaped. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.map((string, i) => string + (i < parts.length ? textOf(parts[i] as Part) : '')).join(''));
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(textOf).join('');
  return escapeMarkup(String(part));
}
