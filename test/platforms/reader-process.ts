import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Said, Told } from '../chaos/reader-words.js';

const PROGRAM = fileURLToPath(new URL('../../dist/test/chaos/reader.js', import.meta.url));

/** A process that reads (test/chaos/reader.ts), step by step. */
export class ReaderProcess {
  private readonly child: ChildProcess;
  private readonly said: Said[] = [];
  private heard: (() => void) | null = null;
  private readonly gone: Promise<void>;
  private errors = '';
  private dead = false;

  constructor() {
    if (!existsSync(PROGRAM)) throw new Error('the program is not built: npm run build');
    this.child = fork(PROGRAM, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
    this.child.stderr?.on('data', (part: Buffer) => { this.errors += part.toString(); });
    this.child.on('message', (said: Said) => {
      this.said.push(said);
      this.heard?.();
    });
    this.gone = new Promise((resolve) => this.child.once('close', () => {
      this.dead = true;
      this.said.push({ at: 'failed', words: `the reading process ended: ${this.errors.slice(-2_000)}` });
      this.heard?.();
      resolve();
    }));
  }

  /** The next thing it says. Null as soon as `instead` resolves. @throws Error with its words where it failed */
  async next(instead: Promise<void> = new Promise(() => undefined)): Promise<Said | null> {
    const heard = new Promise<void>((resolve) => { this.heard = resolve; });
    if (this.said.length === 0 && (await Promise.race([heard, instead.then(() => 'instead')])) === 'instead') return null;
    const said = this.said.shift() as Said;
    if (said.at === 'failed') throw new Error(said.words);
    return said;
  }

  tell(told: Told | 'go'): void {
    this.child.send(told);
  }

  /** SIGKILL; resolves when it is gone. Nothing for one that is. */
  async kill(): Promise<void> {
    if (!this.dead) this.child.kill('SIGKILL');
    await this.gone;
  }
}

/** Readers that wait for work: starting one takes longer than most of what they do. */
export class Readers {
  private readonly idle: ReaderProcess[] = [];

  /** One that is ready. */
  async take(): Promise<ReaderProcess> {
    const waiting = this.idle.pop();
    if (waiting !== undefined) return waiting;
    const started = new ReaderProcess();
    await started.next();
    return started;
  }

  /** Takes back one whose work is done. */
  give(reader: ReaderProcess): void {
    this.idle.push(reader);
  }

  async close(): Promise<void> {
    for (const reader of this.idle.splice(0)) await reader.kill();
  }
}
