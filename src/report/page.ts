import { html, Markup, type Part } from './markup.js';
import { STYLE } from './style.js';
import { moment } from './words.js';

/** Which Syncline made a page, and when (ISO 8601). */
export interface Made {
  readonly version: string;
  readonly at: string;
}

/** A whole page: complete in itself, well-formed as XML too, and allowed to load nothing. */
export function pageOf(title: string, made: Made, content: Part): string {
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${content}
<footer>Made by Syncline ${made.version}, ${moment(made.at)}. Counts and reasons; no contact is named in this page, and it loads nothing.</footer>
</body>
</html>
`.text;
}

/** A heading with what stands under it; nothing where that is nothing. */
export function section(title: string, content: Part): Markup | null {
  return content === null ? null : html`<section><h2>${title}</h2>
${content}</section>
`;
}

/** How something ended, in words; the colour only says it again. */
export function badge(kind: 'good' | 'bad' | 'mid', words: string): Markup {
  return html`<span class="badge ${kind}">${words}</span>`;
}

/** Names and values. */
export function facts(entries: readonly (readonly [string, Part])[]): Markup {
  return html`<dl>${entries.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>
`)}</dl>`;
}

/** One paragraph each. */
export function paragraphs(kind: string, words: readonly string[]): readonly Markup[] {
  return words.map((one) => html`<p class="${kind}">${one}</p>
`);
}

/** Counts by reason, the most frequent first. */
export function countsTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): Markup | null {
  if (rows.length === 0) return null;
  const cells = (row: readonly (string | number)[]): readonly Markup[] => row.map((cell) => (typeof cell === 'number' ? html`<td class="n">${cell.toLocaleString('en-US')}</td>` : html`<td>${cell}</td>`));
  const numeric = (i: number): boolean => typeof rows[0]?.[i] === 'number';
  return html`<table><thead><tr>${headings.map((heading, i) => (numeric(i) ? html`<th class="n">${heading}</th>` : html`<th>${heading}</th>`))}</tr></thead><tbody>
${rows.map((row) => html`<tr>${cells(row)}</tr>
`)}</tbody></table>`;
}
