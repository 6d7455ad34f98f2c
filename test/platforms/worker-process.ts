import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** A worker in a process of its own, as somebody runs it in production. */
export interface WorkerProcess {
  readonly pid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has ended by itself. Nothing for one that is gone. */
  stop(): Promise<void>;
}

/** Starts `syncline worker` of the built program in a folder with a configuration, and waits until it is ready. */
export async function startWorkerProcess(directory: string): Promise<WorkerProcess> {
  if (!existsSync(CLI)) throw new Error('the program is not built: npm run build');
  const env = { ...process.env, TEMPORAL_ADDRESS: '', SYNCLINE_CONFIG: '', NO_COLOR: '1' };
  const child = spawn(process.execPath, [CLI, 'worker'], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], env });
  const gone = new Promise<void>((resolve) => child.once('exit', () => { resolve(); }));
  await ready(child);
  const end = (signal: 'SIGKILL' | 'SIGTERM') => async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await gone;
  };
  return { pid: child.pid ?? 0, kill: end('SIGKILL'), stop: end('SIGTERM') };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes('worker ready')) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => { reject(new Error(`the worker ended with ${code}: ${said.slice(-1_000)}`)); });
  });
}
