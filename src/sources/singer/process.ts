import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Lines kept ahead of the reader; beyond them the tap waits in its write. */
const AHEAD = 1_000;
/** Characters of one line: a record larger than this is no contact. */
const LONGEST_LINE = 1 << 24;
const TAIL = 4_000;
/** Between asking a tap to end and ending it. Milliseconds. */
const GRACE_MS = 2_000;

/** Nothing came within the time given. */
export const QUIET = Symbol('quiet');

/** How a process ended. `tail` is the end of what it wrote to stderr. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started. */
  readonly failure?: NodeJS.ErrnoException;
  readonly tooLong: boolean;
  readonly tail: string;
}

const living = new Set<number>();
// The last resort where nobody closed a source: a process of ours must not outlive us.
process.on('exit', () => { for (const pid of living) signalGroup(pid, 'SIGKILL'); });

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}

/** A running tap: lines of its stdout, pulled one by one; it waits while nobody pulls. In a process group of its own. */
export class TapProcess {
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;
  private readonly decoder = new StringDecoder('utf8');
  private lines: string[] = [];
  private at = 0;
  private rest = '';
  private tail = '';
  private tooLong = false;
  private ended: Ending | null = null;
  private failure: NodeJS.ErrnoException | undefined;
  private wake: (() => void) | null = null;
  private readonly gone: Promise<void>;

  constructor(command: readonly string[], args: readonly string[], cwd: string) {
    const [program, ...first] = command;
    this.child = spawn(program as string, [...first, ...args], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const { pid, stdout, stderr } = this.child;
    if (pid !== undefined) living.add(pid);
    stdout.on('data', (chunk: Buffer) => { this.take(this.decoder.write(chunk)); });
    stderr.setEncoding('utf8').on('data', (text: string) => { this.tail = (this.tail + text).slice(-TAIL); });
    this.gone = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.failure ??= error;
        if (pid === undefined) this.end(null, null, resolve);
      });
      this.child.on('exit', () => {
        if (pid === undefined) return;
        // Whatever it started and left would hold the pipes open.
        signalGroup(pid, 'SIGKILL');
        living.delete(pid);
      });
      this.child.on('close', (code, signal) => { this.end(code, signal, resolve); });
    });
  }

  /** How it ended; null while it runs or lines are left. */
  get ending(): Ending | null {
    return this.at < this.lines.length ? null : this.ended;
  }

  /** The next line; null after the last; {@link QUIET} when there is none within `ms` milliseconds. Throws when `signal` aborts. */
  async next(ms: number, signal: AbortSignal): Promise<string | null | typeof QUIET> {
    signal.throwIfAborted();
    if (this.at >= this.lines.length && this.ended === null) {
      this.child.stdout.resume();
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          this.wake = null;
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done);
        this.wake = done;
      });
      signal.throwIfAborted();
    }
    const line = this.lines[this.at];
    if (line === undefined) return this.ended === null ? QUIET : null;
    this.at++;
    return line;
  }

  /** Lets this process end although the tap still runs; it is ended with it. */
  unref(): void {
    this.child.unref();
    for (const pipe of [this.child.stdout, this.child.stderr]) (pipe as Readable & { unref?: () => void }).unref?.();
  }

  ref(): void {
    this.child.ref();
    for (const pipe of [this.child.stdout, this.child.stderr]) (pipe as Readable & { ref?: () => void }).ref?.();
  }

  /** Ends the whole group: asks, then insists. Resolves when it is gone. */
  async stop(): Promise<void> {
    const { pid, stdout } = this.child;
    if (this.ended !== null || pid === undefined) return;
    signalGroup(pid, 'SIGTERM');
    // Unread output would keep the pipes, and so this promise, open.
    stdout.destroy();
    const timer = setTimeout(() => { signalGroup(pid, 'SIGKILL'); }, GRACE_MS);
    await this.gone;
    clearTimeout(timer);
  }

  private take(text: string): void {
    if (this.at >= this.lines.length) {
      this.lines = [];
      this.at = 0;
    }
    const parts = text.split('\n');
    parts[0] = this.rest + (parts[0] as string);
    this.rest = parts.pop() as string;
    for (const part of parts) this.lines.push(part);
    if (this.rest.length > LONGEST_LINE) {
      this.tooLong = true;
      this.rest = '';
      void this.stop();
    }
    if (this.lines.length - this.at >= AHEAD) this.child.stdout.pause();
    if (parts.length > 0) this.wake?.();
  }

  private end(code: number | null, signal: string | null, resolve: () => void): void {
    const rest = this.rest + this.decoder.end();
    // Half a line of a process that died is no rubbish but a part of its death.
    if (rest.trim() !== '' && code === 0) this.lines.push(rest);
    this.rest = '';
    this.ended = { code, signal, tooLong: this.tooLong, tail: this.tail, ...(this.failure === undefined ? {} : { failure: this.failure }) };
    this.wake?.();
    resolve();
  }
}
