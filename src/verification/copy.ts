import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Connection } from '../ledger/index.js';

/** Characters kept before they are sent: memory stays flat, and a COPY lasts milliseconds. */
const CHUNK = 1 << 20;
const SPECIAL = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** One value in COPY's text format. */
export function copyText(value: string | null): string {
  return value === null ? '\\N' : value.replace(SPECIAL, (character) => ESCAPES[character] as string);
}

/**
 * Fills a table by many short COPYs. One long COPY would be one transaction for as long as the
 * other side answers (minutes at a paced API), and hold back the vacuum of the whole ledger.
 */
export class CopyWriter {
  private lines: string[] = [];
  private size = 0;

  /** @param target table and columns, as they stand in the statement */
  constructor(private readonly connection: Connection, private readonly target: string) {}

  /** Takes one row of {@link copyText} values. */
  add(...values: readonly string[]): void {
    const line = `${values.join('\t')}\n`;
    this.lines.push(line);
    this.size += line.length;
  }

  /** Sends what has gathered, if it is worth a COPY. */
  async settle(): Promise<void> {
    if (this.size >= CHUNK) await this.flush();
  }

  /** Sends what has gathered. */
  async flush(): Promise<void> {
    if (this.lines.length === 0) return;
    const text = this.lines.join('');
    this.lines = [];
    this.size = 0;
    const stream = this.connection.query(copyFrom(`COPY ${this.target} FROM STDIN`));
    const done = finished(stream);
    if (!stream.write(text)) await Promise.race([once(stream, 'drain'), done]);
    stream.end();
    await done;
  }
}
