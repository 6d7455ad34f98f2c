import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isAlive, ownProcess, placesOf, stopOrphans, type ProcessId } from '../../src/runtime/index.js';
import { identify, stopProcess } from '../../src/runtime/processes.js';

export const PREFIX = 'syncline-chaos-';
const NOTE = 'chaos.json';
/** No command takes longer. Milliseconds. */
const COMMAND_LIMIT_MS = 240_000;

export interface Ended {
  /** null: killed, by us when it took too long. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The processes of the command line that work in a folder, with a note there of who they are. */
export class Processes {
  private readonly children = new Map<ChildProcess, ProcessId | null>();
  private logs = 0;
  /** Nothing is started any more. */
  ending = false;

  constructor(
    private readonly directory: string,
    private readonly cli: string,
  ) {
    this.note();
  }

  /** Starts one that stays; what it says goes to a file. */
  start(name: string, args: readonly string[]): ChildProcess {
    const log = createWriteStream(path.join(this.directory, `${String(++this.logs).padStart(4, '0')}-${name}.log`));
    const child = this.spawned(args);
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('close', () => { log.end(); });
    return child;
  }

  /** Runs a command to its end. */
  async command(args: readonly string[]): Promise<Ended> {
    const child = this.spawned(args);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => { stdout += chunk.toString(); });
    child.stderr?.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
    const limit = setTimeout(() => child.kill('SIGKILL'), COMMAND_LIMIT_MS);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    clearTimeout(limit);
    return { code, stdout, stderr };
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(child: ChildProcess | undefined): Promise<void> {
    if (child === undefined) return;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  }

  /** The last lines a process of this name wrote. */
  tail(name: string): string {
    const last = readdirSync(this.directory).filter((file) => file.endsWith(`-${name}.log`)).sort().at(-1);
    return last === undefined ? '' : readFileSync(path.join(this.directory, last), 'utf8').trim().split('\n').slice(-5).join(' | ');
  }

  /** Ends all of them and what they had started. */
  async end(): Promise<void> {
    this.ending = true;
    await endAll([...this.children.values()]);
    await stopOrphans(placesOf(this.directory));
  }

  private spawned(args: readonly string[]): ChildProcess {
    if (this.ending) throw new Error('interrupted');
    // A group of its own: Ctrl-C at the terminal is for us, who then end it in order.
    const child = spawn(process.execPath, [this.cli, ...args], {
      cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
      env: { ...process.env, TEMPORAL_ADDRESS: '', SYNCLINE_CONFIG: '', NO_COLOR: '1' },
    });
    this.children.set(child, child.pid === undefined ? null : identify(child.pid));
    this.note();
    child.once('exit', () => {
      this.children.delete(child);
      this.note();
    });
    return child;
  }

  /** For the next chaos, to end what a killed one left. */
  private note(): void {
    if (!this.ending) writeFileSync(path.join(this.directory, NOTE), JSON.stringify({ owner: ownProcess(), children: [...this.children.values()] }));
  }
}

async function endAll(ids: readonly (ProcessId | null)[]): Promise<void> {
  await Promise.all(ids.filter((id) => id !== null).map((id) => stopProcess(id, 'SIGKILL', 5_000)));
}

/** Ends and removes what an earlier chaos left that was killed itself. */
export async function sweepKilled(): Promise<void> {
  for (const name of readdirSync(os.tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const directory = path.join(os.tmpdir(), name);
    let left: { owner: ProcessId; children: (ProcessId | null)[] };
    try {
      left = JSON.parse(readFileSync(path.join(directory, NOTE), 'utf8')) as typeof left;
    } catch {
      continue;
    }
    if (isAlive(left.owner)) continue;
    await endAll(left.children);
    if (await stopOrphans(placesOf(directory))) rmSync(directory, { recursive: true, force: true });
  }
}
