import { open, type FileHandle } from 'node:fs/promises';
import { SourceError } from '../contract.js';
import { scanRecord, type Form } from './record.js';

const CHUNK = 1 << 18;

/** One record (or the fault in its place) and where it stands. */
export interface FileRecord {
  readonly fields: readonly string[];
  readonly fault?: string;
  /** Physical line it starts on, from 1. */
  readonly line: number;
}

/** What tells whether a file is still the one that was there when the run began. */
export interface Stamp {
  readonly size: number;
  /** Nanoseconds as text: a double would lose some. */
  readonly modified: string;
}

/** Failures of the file system in words. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOENT') return new SourceError('misconfigured', `there is no file ${path}`, 'check path of the csv source; it is relative to the configuration file');
  if (code === 'EACCES' || code === 'EPERM') return new SourceError('misconfigured', `the file ${path} may not be read`, 'let this user read it');
  if (code === 'EISDIR') return new SourceError('misconfigured', `${path} is a folder`, 'name the file in it');
  return typeof code === 'string' ? new SourceError('unreachable', `the file ${path} cannot be read (${code})`) : error;
}

/** Reads the records of a file one after the other, in flat memory. */
export class RecordFile {
  private bytes = Buffer.alloc(0);
  private at = 0;
  /** Offset in the file of `bytes[0]`. */
  private base = 0;
  private ended = false;
  /** Line of the next record. */
  private line = 1;

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    readonly stamp: Stamp,
  ) {}

  static async open(path: string): Promise<RecordFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const stat = await handle.stat({ bigint: true });
      if (stat.isDirectory()) throw Object.assign(new Error('folder'), { code: 'EISDIR' });
      return new RecordFile(path, handle, { size: Number(stat.size), modified: String(stat.mtimeNs) });
    } catch (error) {
      await handle?.close();
      throw fileError(error, path);
    }
  }

  /** Where the next record starts. */
  get position(): { readonly offset: number; readonly line: number } {
    return { offset: this.base + this.at, line: this.line };
  }

  seek(offset: number, line: number): void {
    this.bytes = Buffer.alloc(0);
    this.base = offset;
    this.at = 0;
    this.line = line;
    this.ended = false;
  }

  /** The header's names, trimmed; null where the file is empty. */
  async header(delimiter: string): Promise<readonly string[] | null> {
    this.seek(0, 1);
    await this.fill();
    const start = this.bytes.subarray(0, 3).toString('hex');
    if (start.startsWith('fffe') || start.startsWith('feff')) {
      throw new SourceError('misconfigured', `the file ${this.path} is UTF-16`, 'save it as UTF-8');
    }
    if (start === 'efbbbf') this.at = 3;
    const [record] = await this.records(1, { delimiter, width: null });
    if (record === undefined) return null;
    if (record.fault !== undefined) {
      throw new SourceError('misconfigured', `the header of ${this.path} cannot be read (line ${record.line}): ${record.fault}`, 'the first line names the columns');
    }
    return record.fields.map((name) => name.trim());
  }

  /** Up to `count` further records; fewer only at the end of the file. Blank lines are no records. */
  async records(count: number, form: Form, signal?: AbortSignal): Promise<FileRecord[]> {
    const records: FileRecord[] = [];
    while (records.length < count) {
      if (this.at >= this.bytes.length && !(await this.fill(signal))) break;
      const scan = scanRecord(this.bytes, this.at, this.bytes.length, this.ended, form);
      if (scan.kind === 'more') {
        await this.fill(signal);
      } else if (scan.kind === 'long') {
        records.push({ fields: [], fault: 'a line longer than 1 MiB', line: this.line });
        await this.skipLine(signal);
      } else {
        if (scan.kind !== 'blank') records.push({ fields: scan.fields, fault: scan.fault, line: this.line });
        this.at = scan.next;
        this.line += scan.lines;
      }
    }
    return records;
  }

  /** Passes over the rest of a line without keeping it. */
  private async skipLine(signal?: AbortSignal): Promise<void> {
    this.line++;
    for (;;) {
      const found = this.bytes.indexOf(10, this.at);
      this.at = found === -1 ? this.bytes.length : found + 1;
      if (found !== -1 || !(await this.fill(signal))) return;
    }
  }

  /** Reads on, keeping what is not used yet; false at the end of the file. */
  private async fill(signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    const rest = this.bytes.length - this.at;
    const next = Buffer.allocUnsafe(rest + CHUNK);
    this.bytes.copy(next, 0, this.at);
    this.base += this.at;
    this.at = 0;
    const from = this.base + rest;
    try {
      // What is appended after the start is not read: the file has changed, and its reader will say so.
      const length = Math.max(0, Math.min(CHUNK, this.stamp.size - from));
      const { bytesRead } = await this.handle.read(next, rest, length, from);
      this.ended = bytesRead === 0;
      this.bytes = next.subarray(0, rest + bytesRead);
      return bytesRead > 0;
    } catch (error) {
      throw fileError(error, this.path);
    }
  }

  /** The file's stamp as it is now. */
  async restat(): Promise<Stamp> {
    const stat = await this.handle.stat({ bigint: true });
    return { size: Number(stat.size), modified: String(stat.mtimeNs) };
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
