import type { Colors } from './output.js';
import { formatNumber } from '../../format/index.js';
import { cutTo, widthOf } from './width.js';

/** Numbers stand right, with thousands separators; null and undefined as a dash. */
export type Cell = string | number | boolean | null | undefined;

export interface TableOptions {
  readonly colors?: Pick<Colors, 'bold' | 'dim'>;
  /** Columns the widest cell may take; longer ones are cut. */
  readonly widest?: number;
}

/** Rows under headings in aligned columns, without a trailing newline. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[], options: TableOptions = {}): string {
  const { widest = 80, colors } = options;
  const texts = rows.map((row) => headings.map((_, i) => cutTo(oneLine(cellText(row[i])), widest)));
  const widths = headings.map((heading, i) => Math.max(widthOf(heading), ...texts.map((row) => widthOf(row[i] ?? ''))));
  // A column is one of numbers when it holds some and nothing else but gaps.
  const right = headings.map((_, i) => {
    const cells = rows.map((row) => row[i]).filter((cell) => cell !== null && cell !== undefined);
    return cells.length > 0 && cells.every((cell) => typeof cell === 'number');
  });
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => pad(cell, widths[i] ?? 0, right[i] === true)).join('  ').trimEnd();
  const head = line(headings);
  return [colors === undefined ? head : colors.bold(head), ...texts.map(line)].join('\n');
}

/** Names and values, one pair a line, the values aligned. */
export function pairs(entries: readonly (readonly [string, Cell])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => widthOf(name)));
  return entries.map(([name, value]) => `${pad(name, width, false)}  ${cellText(value)}`.trimEnd()).join('\n');
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '–';
  return typeof cell === 'number' ? formatNumber(cell) : String(cell);
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n\t]+\s*/g, ' ');
}

function pad(text: string, width: number, right: boolean): string {
  const gap = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? gap + text : text + gap;
}
