import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import { interpolate } from './interpolate.js';
import type { Surroundings } from './interpolate.js';

export type Path = readonly (string | number)[];

/** A mistake that still lacks its file. */
export interface Finding {
  readonly line: number;
  readonly path: Path;
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/** A configuration file as plain values, with the way back to its lines. */
export interface Tree {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** The line of a key, or of its nearest ancestor that stands in the file. */
  lineOf(path: Path): number;
  /** The text as it stands in the file, for values that were interpolated; undefined for all others. */
  writtenAt(path: Path): string | undefined;
}

// Far above any real configuration; a few lines of aliases can otherwise unfold without end.
const MOST_NODES = 50_000;
const DEEPEST = 64;

/** Reads YAML and replaces the placeholders in its values. Never throws: what is wrong is in `findings`. */
export function readTree(text: string, surroundings: Surroundings): Tree {
  const walker = new Walker(surroundings);
  return walker.read(text);
}

class Walker {
  readonly #lines = new LineCounter();
  readonly #lineByPath = new Map<string, number>();
  readonly #writtenByPath = new Map<string, string>();
  readonly #findings: Finding[] = [];
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(readonly surroundings: Surroundings) {}

  read(text: string): Tree {
    let value: unknown = null;
    try {
      // The same key twice is found below, where its path is known.
      const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false, schema: 'core' });
      for (const fault of [...document.errors, ...document.warnings]) {
        this.#report([], inWords(fault.code, fault.message), 'YAML that can be read', undefined, fault.pos[0]);
      }
      if (this.#findings.length === 0) value = this.#walk(document.contents, [], document);
    } catch (error) {
      // The parser is recursive: thousands of brackets exhaust its stack.
      this.#report([], error instanceof RangeError ? 'YAML that is nested too deeply' : 'YAML that cannot be read', 'YAML that can be read');
    }
    return {
      value,
      findings: this.#findings,
      lineOf: (path) => this.#lineOf(path),
      writtenAt: (path) => this.#writtenByPath.get(JSON.stringify(path)),
    };
  }

  #lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lineByPath.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }

  #report(path: Path, found: string, expected: string, hint?: string, offset?: number): void {
    const line = offset === undefined ? this.#lineOf(path) : this.#lines.linePos(offset).line;
    this.#findings.push({ line: Math.max(1, line), path, found, expected, ...(hint === undefined ? {} : { hint }) });
  }

  #place(path: Path, node: unknown): void {
    const offset = (node as Node | null)?.range?.[0];
    if (offset !== undefined) this.#lineByPath.set(JSON.stringify(path), this.#lines.linePos(offset).line);
  }

  #walk(node: unknown, path: Path, document: Document): unknown {
    this.#nodes += 1;
    if (this.#nodes === MOST_NODES) this.#report(path, `more than ${String(MOST_NODES)} values`, 'a configuration file');
    if (this.#nodes >= MOST_NODES || node === null || node === undefined) return null;
    if (path.length > DEEPEST) {
      this.#report(path.slice(0, DEEPEST), 'a value that is nested too deeply', `at most ${String(DEEPEST)} levels`);
      return null;
    }
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined || this.#open.has(target)) {
        const found = target === undefined ? `*${node.source}` : `*${node.source} inside what it refers to`;
        this.#report(path, found, 'an alias of an anchor that stands before it');
        return null;
      }
      return this.#walk(target, path, document);
    }
    if (isScalar(node)) return this.#scalar(node.value, path);
    if (!isMap(node) && !isSeq(node)) return null;
    this.#open.add(node);
    const value = isMap(node) ? this.#map(node.items, path, document) : this.#list(node.items, path, document);
    this.#open.delete(node);
    return value;
  }

  #list(items: readonly unknown[], path: Path, document: Document): unknown[] {
    return items.map((item, index) => {
      this.#place([...path, index], item);
      return this.#walk(item, [...path, index], document);
    });
  }

  #map(items: readonly Pair[], path: Path, document: Document): Record<string, unknown> {
    // Without a prototype, so that a key such as `constructor` is a key like any other.
    const result = Object.create(null) as Record<string, unknown>;
    for (const { key, value } of items) {
      const name = isScalar(key) && key.value !== null && typeof key.value !== 'object' ? String(key.value) : undefined;
      if (name === undefined || name === '__proto__') {
        this.#report(path, name === undefined ? 'a key that is not plain text' : name, 'a plain key');
        continue;
      }
      const here = [...path, name];
      const first = this.#lineByPath.get(JSON.stringify(here));
      this.#place(here, key);
      if (Object.hasOwn(result, name)) {
        this.#report(here, 'the same key a second time', 'each key once', `the first is on line ${String(first)}`);
        continue;
      }
      result[name] = this.#walk(value, here, document);
    }
    return result;
  }

  #scalar(value: unknown, path: Path): unknown {
    if (typeof value !== 'string') {
      if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
      this.#report(path, 'a value of an unusual type', 'text, a number, true or false');
      return null;
    }
    const { text, changed, faults } = interpolate(value, this.surroundings);
    if (changed) this.#writtenByPath.set(JSON.stringify(path), value);
    for (const fault of faults) this.#report(path, fault.found, fault.expected, fault.hint);
    // Nothing behind a placeholder counts as a key without a value: `${WEBHOOK_SECRET:-}` leaves the key out.
    return changed && text === '' ? null : text;
  }
}

/** The parser's complaint without the piece of the file some of its messages quote: that may be a secret. */
function inWords(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab in the indentation';
  if (code === 'MULTIPLE_DOCS') return 'several documents in one file';
  const words = message.replace(/:? ["'`][^]*$/, '').replace(/: [^]*$/, '').replace(/\s+/g, ' ').trim();
  return `YAML that cannot be read (${words.slice(0, 120)})`;
}
